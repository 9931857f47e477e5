// helperFilter(): what a helper may call and what not, in a BPF machine.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { helperFilter, refusedSyscalls } from "../../../src/image/helper-filter.ts";
import { K, syscalls } from "../../../src/sys/abi.ts";
import { judgeCall } from "../sys/classic-bpf.ts";

const filter = suite("helperFilter()");
const isArm = process.arch === "arm64";
const arch = isArm ? K.AUDIT_ARCH_AARCH64 : K.AUDIT_ARCH_X86_64;
const verdict = (number: number, of: number = arch): string =>
  judgeCall(helperFilter(), { arch: of, number });

filter("refuses every call of its list and no other", () => {
  const refused = new Set(refusedSyscalls.map((name) => syscalls[name]));
  assert.is(refused.size, refusedSyscalls.length);
  for (let number = 0; number < 600; number++) {
    assert.is(verdict(number), refused.has(number) ? "errno 1" : "allow", `call ${number}`);
  }
});

filter("refuses what leads to programs, mounts and other processes, by number", () => {
  // execve, ptrace, mount, unshare, setns, bpf.
  for (const number of isArm ? [221, 117, 40, 97, 268, 280] : [59, 101, 165, 272, 308, 321]) {
    assert.is(verdict(number), "errno 1");
  }
});

filter("refuses other architectures and the x32 numbers", () => {
  for (const other of [K.AUDIT_ARCH_I386, K.AUDIT_ARCH_ARM]) {
    assert.is(verdict(syscalls.read, other), "errno 1");
  }
  assert.is(verdict(0x4000_0000 + syscalls.read), "errno 1");
  assert.is(verdict(-1), "errno 1");
});

filter.run();
