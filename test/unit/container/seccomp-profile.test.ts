// parseSeccompProfile(): OCI profiles as filters, judged in a BPF machine.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { parseSeccompProfile } from "../../../src/container/seccomp-profile.ts";
import { K, syscalls } from "../../../src/sys/abi.ts";
import { buildFilter } from "../../../src/sys/seccomp.ts";
import { judgeCall } from "../sys/classic-bpf.ts";

const arch = process.arch === "arm64" ? K.AUDIT_ARCH_AARCH64 : K.AUDIT_ARCH_X86_64;

function judge(profile: object, number: number, ...values: readonly bigint[]): string {
  const { filter } = parseSeccompProfile(JSON.stringify(profile));
  return judgeCall(buildFilter(filter), { arch, number, arguments: values });
}

function refusal(profile: unknown): string {
  const text = typeof profile === "string" ? profile : JSON.stringify(profile);
  try {
    parseSeccompProfile(text);
  } catch (error) {
    if (isPodError(error, "InvalidArgument")) return error.message;
    throw error;
  }
  return "accepted";
}

const profiles = suite("parseSeccompProfile()");

profiles("denies by name under a default of ALLOW", () => {
  const profile = {
    defaultAction: "SCMP_ACT_ALLOW",
    architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
    syscalls: [
      { names: ["mkdirat", "no_such_call"], action: "SCMP_ACT_ERRNO" },
      { names: ["fchmodat"], action: "SCMP_ACT_ERRNO", errnoRet: 13 },
      { names: ["sethostname"], action: "SCMP_ACT_KILL_PROCESS" },
      { names: ["setdomainname"], action: "SCMP_ACT_KILL" },
      { names: ["sync"], action: "SCMP_ACT_LOG" },
      { names: ["syncfs"], action: "SCMP_ACT_TRAP" },
    ],
  };
  assert.is(judge(profile, syscalls.mkdirat), "errno 1");
  assert.is(judge(profile, syscalls.fchmodat), "errno 13");
  assert.is(judge(profile, syscalls.sethostname), "action 0x80000000");
  assert.is(judge(profile, syscalls.setdomainname), "action 0x0");
  assert.is(judge(profile, syscalls.sync), "action 0x7ffc0000");
  assert.is(judge(profile, syscalls.syncfs), "action 0x30000");
  assert.is(judge(profile, syscalls.write), "allow");
  assert.is(judge(profile, 5000), "allow");
});

profiles("gives ENOSYS above the newest name when the default is a refusal", () => {
  const profile = {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 22,
    syscalls: [{ names: ["read", "openat2"], action: "SCMP_ACT_ALLOW" }],
  };
  assert.is(judge(profile, syscalls.read), "allow");
  assert.is(judge(profile, syscalls.write), "errno 22");
  assert.is(judge(profile, syscalls.openat2), "allow");
  assert.is(judge(profile, syscalls.openat2 + 1), "errno 38");
});

profiles("compares arguments in all 64 bits", () => {
  const table: readonly (readonly [
    op: string,
    value: string,
    yes: readonly bigint[],
    no: readonly bigint[],
  ])[] = [
    ["SCMP_CMP_EQ", "7", [7n], [6n, 8n, 7n | (1n << 40n)]],
    ["SCMP_CMP_NE", "7", [6n, 7n | (1n << 40n)], [7n]],
    ["SCMP_CMP_LT", "7", [6n], [7n, 1n << 40n]],
    ["SCMP_CMP_LE", "7", [7n], [8n]],
    ["SCMP_CMP_GT", "18446744073709551614", [0xffff_ffff_ffff_ffffn], [0xffff_ffff_ffff_fffen]],
    ["SCMP_CMP_GE", "18446744073709551615", [0xffff_ffff_ffff_ffffn], [0xffff_ffff_ffff_fffen]],
    ["SCMP_CMP_MASKED_EQ", '240, "valueTwo": 16', [0x10n, 0x1fn], [0x20n]],
  ];
  for (const [op, value, yes, no] of table) {
    const text = `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["socket"],
      "action": "SCMP_ACT_ERRNO", "args": [{"index": 0, "op": "${op}", "value": ${value}}]}]}`;
    const filter = buildFilter(parseSeccompProfile(text).filter);
    const verdict = (argument: bigint): string =>
      judgeCall(filter, { arch, number: syscalls.socket, arguments: [argument] });
    for (const argument of yes) assert.is(verdict(argument), "errno 1", `${op} ${argument}`);
    for (const argument of no) assert.is(verdict(argument), "allow", `${op} ${argument}`);
  }
});

profiles("takes conditions on one argument as alternatives, on several together", () => {
  const profile = (...args: readonly object[]): object => ({
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["socket"], action: "SCMP_ACT_ERRNO", args }],
  });
  const is = (index: number, value: number): object => ({ index, value, op: "SCMP_CMP_EQ" });
  const either = profile(is(0, 1), is(0, 2));
  assert.is(judge(either, syscalls.socket, 1n), "errno 1");
  assert.is(judge(either, syscalls.socket, 2n), "errno 1");
  assert.is(judge(either, syscalls.socket, 3n), "allow");
  const both = profile(is(0, 1), is(1, 2));
  assert.is(judge(both, syscalls.socket, 1n, 2n), "errno 1");
  assert.is(judge(both, syscalls.socket, 1n, 3n), "allow");
});

profiles("knows the flags, and says which wish it cannot fulfil", () => {
  const plain = { defaultAction: "SCMP_ACT_ALLOW" };
  const logging = { ...plain, flags: ["SECCOMP_FILTER_FLAG_LOG"] };
  assert.ok(parseSeccompProfile(JSON.stringify(logging)).logs);
  assert.not.ok(parseSeccompProfile(JSON.stringify(plain)).logs);
  assert.match(refusal({ ...plain, flags: ["X"] }), /^flags: must be of SECCOMP_FILTER_FLAG_LOG/);
  assert.match(refusal("{"), /^it is no JSON: /);
  assert.is(refusal([]), "must be an object: got []");
  assert.match(refusal({}), /^defaultAction: must be one of .*: got nothing$/);
  assert.match(refusal({ defaultAction: "SCMP_ACT_NOTIFY" }), /got "SCMP_ACT_NOTIFY"$/);
  const rule = (fields: object): object => ({
    ...plain,
    syscalls: [{ names: ["read"], action: "SCMP_ACT_ERRNO", ...fields }],
  });
  assert.match(refusal(rule({ names: [] })), /^syscalls\[0\]\.names: must name a system call/);
  assert.match(refusal(rule({ errnoRet: -1 })), /^syscalls\[0\]\.errnoRet: must be a whole number/);
  assert.match(refusal(rule({ args: [{ index: 6, value: 1, op: "SCMP_CMP_EQ" }] })), /index: must/);
  assert.match(refusal(rule({ args: [{ index: 0, value: 1, op: "EQ" }] })), /args\[0\]\.op: must/);
  assert.match(refusal(rule({ includes: { caps: ["CAP_SYS_ADMIN"] } })), /Docker's own format/);
  assert.is(refusal(rule({ includes: {}, excludes: null, comment: "" })), "accepted");
});

profiles("either takes a text or refuses it with a sentence", () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.is(typeof refusal(text), "string");
    }),
  );
  const field = fc.constantFrom("defaultAction", "syscalls", "flags", "architectures");
  fc.assert(
    fc.property(fc.dictionary(field, fc.jsonValue()), (profile) => {
      assert.is(typeof refusal({ defaultAction: "SCMP_ACT_ALLOW", ...profile }), "string");
    }),
  );
});

profiles.run();
