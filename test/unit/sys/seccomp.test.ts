// buildFilter(): the bytes that libseccomp and our stub make are run in a small BPF machine.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { K, syscalls } from "../../../src/sys/abi.ts";
import { buildFilter, type FilterProfile } from "../../../src/sys/seccomp.ts";
import { judgeCall } from "./classic-bpf.ts";

const arch = process.arch === "arm64" ? K.AUDIT_ARCH_AARCH64 : K.AUDIT_ARCH_X86_64;
const eperm = "errno 1";
const enosys = "errno 38";

function build(rules: FilterProfile["rules"], recent: Record<string, number> = {}): Buffer {
  return buildFilter({ rules, recentSyscalls: recent, newestSyscall: 469, compat32: false });
}

const filters = suite("buildFilter()");

filters("allows what is listed, refuses what is known, and does not know what is newer", () => {
  const filter = build([{ names: ["read"], action: "allow" }]);
  assert.is(judgeCall(filter, { arch, number: syscalls.read }), "allow");
  assert.is(judgeCall(filter, { arch, number: syscalls.write }), eperm);
  assert.is(judgeCall(filter, { arch, number: 469 }), eperm);
  assert.is(judgeCall(filter, { arch, number: 470 }), enosys);
  assert.is(judgeCall(filter, { arch, number: 1000 }), enosys);
});

filters("refuses the x32 form of an allowed call", () => {
  if (process.arch === "arm64") return;
  const filter = build([{ names: ["read"], action: "allow" }]);
  assert.is(judgeCall(filter, { arch, number: 0x4000_0000 + syscalls.read }), eperm);
  assert.is(judgeCall(filter, { arch, number: 0x4000_0000 + 520 }), eperm);
  assert.is(judgeCall(filter, { arch, number: -1 }), eperm);
});

filters("refuses other architectures", () => {
  const filter = build([{ names: ["read"], action: "allow" }]);
  for (const other of [K.AUDIT_ARCH_I386, K.AUDIT_ARCH_ARM]) {
    assert.is(judgeCall(filter, { arch: other, number: 3 }), eperm);
    assert.is(judgeCall(filter, { arch: other, number: 1000 }), eperm);
  }
});

filters("filters the 32-bit ABI by its own numbers when that is wanted", () => {
  const filter = buildFilter({
    rules: [{ names: ["read"], action: "allow" }],
    recentSyscalls: {},
    newestSyscall: 469,
    compat32: true,
  });
  const other = process.arch === "arm64" ? K.AUDIT_ARCH_ARM : K.AUDIT_ARCH_I386;
  assert.is(judgeCall(filter, { arch: other, number: 3 }), "allow");
  assert.is(judgeCall(filter, { arch: other, number: 4 }), eperm);
  assert.is(judgeCall(filter, { arch, number: syscalls.read }), "allow");
});

filters("tests an argument under a mask, whatever stands in the other bits", () => {
  const tests = [{ argument: 0, mask: 0xffff_ffff, value: 39 }];
  const filter = build([{ names: ["socket"], action: "allow", tests }]);
  const socket = (family: bigint): string =>
    judgeCall(filter, { arch, number: syscalls.socket, arguments: [family] });
  assert.is(socket(39n), "allow");
  assert.is(socket(38n), eperm);
  assert.is(socket(0x7_0000_0027n), "allow");
  assert.is(socket(0x7_0000_0026n), eperm);
});

filters("gives a call the errno of its rule", () => {
  const filter = build([{ names: ["clone3"], action: "ENOSYS" }]);
  assert.is(judgeCall(filter, { arch, number: 435 }), enosys);
});

filters(
  "takes the number of a call that libseccomp does not know, and leaves out what nobody knows",
  () => {
    const filter = build([{ names: ["brand_new", "never_heard_of"], action: "allow" }], {
      brand_new: 468,
    });
    assert.is(judgeCall(filter, { arch, number: 468 }), "allow");
    assert.is(judgeCall(filter, { arch, number: 467 }), eperm);
  },
);

filters.run();
