// defaultSeccomp(): outcomes of the default profile, call by call, in a BPF machine (security: B5, KRN-05).
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultCapabilities } from "../../../src/container/capabilities.ts";
import { defaultProfile, defaultSeccomp } from "../../../src/container/seccomp.ts";
import {
  allowedSyscalls,
  capabilitySyscalls,
  newestSyscall,
  recentSyscalls,
} from "../../../src/container/seccomp-table.ts";
import type { CapabilityName } from "../../../src/spec/capabilities.ts";
import { K, syscalls } from "../../../src/sys/abi.ts";
import { judgeCall } from "../sys/classic-bpf.ts";

const isArm = process.arch === "arm64";
const arch = isArm ? K.AUDIT_ARCH_AARCH64 : K.AUDIT_ARCH_X86_64;
const allow = "allow";
const eperm = "errno 1";
const enosys = "errno 38";
const folder = mkdtempSync(join(tmpdir(), "nspod-seccomp-"));

function judge(
  capabilities: readonly CapabilityName[],
  number: number,
  ...values: readonly bigint[]
): string {
  return judgeCall(defaultSeccomp(capabilities, folder), { arch, number, arguments: values });
}

const profile = suite("defaultSeccomp()");

profile.after(() => rmSync(folder, { recursive: true, force: true }));

// Name, x86_64, aarch64: numbers by hand, so that a wrong table cannot agree with itself.
const refused: readonly (readonly [string, number, number])[] = [
  ["mount", 165, 40],
  ["umount2", 166, 39],
  ["pivot_root", 155, 41],
  ["unshare", 272, 97],
  ["setns", 308, 268],
  ["bpf", 321, 280],
  ["perf_event_open", 298, 241],
  ["keyctl", 250, 219],
  ["add_key", 248, 217],
  ["request_key", 249, 218],
  ["kexec_load", 246, 104],
  ["kexec_file_load", 320, 294],
  ["init_module", 175, 105],
  ["finit_module", 313, 273],
  ["delete_module", 176, 106],
  ["open_by_handle_at", 304, 265],
  ["nfsservctl", 180, 42],
  ["lookup_dcookie", 212, 18],
  ["syslog", 103, 116],
  ["swapon", 167, 224],
  ["swapoff", 168, 225],
  ["reboot", 169, 142],
  ["settimeofday", 164, 170],
  ["clock_settime", 227, 112],
  ["sethostname", 170, 161],
  ["userfaultfd", 323, 282],
  ["move_pages", 279, 239],
  ["vmsplice", 278, 75],
  ["io_uring_setup", 425, 425],
  ["io_uring_enter", 426, 426],
  ["io_uring_register", 427, 427],
  ["open_tree", 428, 428],
  ["move_mount", 429, 429],
  ["fsopen", 430, 430],
  ["fsconfig", 431, 431],
  ["fsmount", 432, 432],
  ["fspick", 433, 433],
  ["mount_setattr", 442, 442],
  ["quotactl_fd", 443, 443],
  ["process_madvise", 440, 440],
  ["pidfd_getfd", 438, 438],
  ["open_tree_attr", 467, 467],
  ["lsm_list_modules", 461, 461],
];

for (const [name, x64, arm64] of refused) {
  profile(`refuses ${name} with EPERM`, () => {
    assert.is(judge(defaultCapabilities, isArm ? arm64 : x64), eperm);
  });
}

const given: readonly (readonly [string, number, number])[] = [
  ["execve", 59, 221],
  ["openat", 257, 56],
  ["futex", 202, 98],
  ["epoll_pwait", 281, 22],
  ["ptrace", 101, 117],
  ["chroot", 161, 51],
  ["statx", 332, 291],
  ["rseq", 334, 293],
  ["openat2", 437, 437],
  ["faccessat2", 439, 439],
  ["landlock_create_ruleset", 444, 444],
  ["futex_waitv", 449, 449],
  ["fchmodat2", 452, 452],
  ["mseal", 462, 462],
  ["listxattrat", 465, 465],
];

for (const [name, x64, arm64] of given) {
  profile(`allows ${name}`, () => {
    assert.is(judge(defaultCapabilities, isArm ? arm64 : x64), allow);
  });
}

profile("does not know system calls that are newer than the table", () => {
  assert.is(judge(defaultCapabilities, newestSyscall), eperm);
  assert.is(judge(defaultCapabilities, newestSyscall + 1), enosys);
  assert.is(judge(defaultCapabilities, 5000), enosys);
});

profile("lets clone make threads and processes, but no namespace", () => {
  const clone = isArm ? 220 : 56;
  assert.is(judge(defaultCapabilities, clone, 0x11n), allow);
  assert.is(judge(defaultCapabilities, clone, 0x3d0f00n), allow);
  const flags = [
    K.CLONE_NEWNS,
    K.CLONE_NEWCGROUP,
    K.CLONE_NEWUTS,
    K.CLONE_NEWIPC,
    K.CLONE_NEWUSER,
    K.CLONE_NEWPID,
    K.CLONE_NEWNET,
  ];
  for (const flag of flags) {
    assert.is(judge(defaultCapabilities, clone, BigInt(flag) | 0x11n), eperm);
  }
  assert.is(judge(defaultCapabilities, 435), enosys);
  assert.is(judge(["SYS_ADMIN"], clone, BigInt(K.CLONE_NEWUSER)), allow);
  assert.is(judge(["SYS_ADMIN"], 435), allow);
});

profile(
  "refuses the address families of AF_ALG and AF_VSOCK, also behind garbage above 32 bits",
  () => {
    for (let family = 0n; family < 48n; family++) {
      const expected = family === 38n || family === 40n ? eperm : allow;
      for (const garbage of [0n, 1n << 32n, 0xffff_ffffn << 32n]) {
        assert.is(judge(defaultCapabilities, syscalls.socket, family | garbage), expected);
      }
    }
    assert.is(judge(defaultCapabilities, syscalls.socket, 48n), eperm);
  },
);

profile("knows five personalities", () => {
  const personality = isArm ? 92 : 135;
  for (const value of [0n, 8n, 0x20000n, 0x20008n, 0xffff_ffffn]) {
    assert.is(judge(defaultCapabilities, personality, value), allow);
  }
  for (const value of [1n, 0x40000n, 0x400000n, 0x20009n]) {
    assert.is(judge(defaultCapabilities, personality, value), eperm);
  }
});

profile("adds what a capability brings, and only that", () => {
  const mount = isArm ? 40 : 165;
  const reboot = isArm ? 142 : 169;
  assert.is(judge(["SYS_ADMIN"], mount), allow);
  assert.is(judge(["SYS_ADMIN"], reboot), eperm);
  assert.is(judge(["SYS_BOOT"], reboot), allow);
  assert.is(judge(["SYS_BOOT"], mount), eperm);
  assert.is(judge([], isArm ? 51 : 161), eperm);
});

profile("refuses the 32-bit ABI unless it is asked for", () => {
  if (isArm) return;
  const call = { arch: K.AUDIT_ARCH_I386, number: 3 };
  assert.is(judgeCall(defaultSeccomp(defaultCapabilities, folder), call), eperm);
  const open = defaultSeccomp(defaultCapabilities, folder, { compat32: true });
  assert.is(judgeCall(open, call), allow);
});

profile("keeps a filter on disk and makes a damaged file again", () => {
  const [first, second] = [mkdtempSync(join(folder, "a-")), mkdtempSync(join(folder, "b-"))];
  const filter = defaultSeccomp(defaultCapabilities, first);
  const [name = ""] = readdirSync(first);
  assert.match(name, /^[0-9a-f]{64}\.bpf$/);
  const good = readFileSync(join(first, name));
  assert.ok(good.subarray(32).equals(filter));
  writeFileSync(join(second, name), Buffer.alloc(good.length));
  assert.ok(defaultSeccomp(defaultCapabilities, second).equals(filter));
  assert.ok(readFileSync(join(second, name)).equals(good));
});

profile("lists no name twice and never one that must stay out", () => {
  const [{ names } = { names: [] }] = defaultProfile(defaultCapabilities).rules;
  assert.is(new Set(names).size, names.length);
  const never =
    /^(?:io_uring|keyctl|add_key|request_key|userfaultfd|kexec|vmsplice|swap(?:on|off)|bpf|mount|unshare|setns)/;
  assert.equal(
    names.filter((name) => never.test(name)),
    [],
  );
});

profile("gives every name of the tables a number on some architecture", () => {
  const all = [...allowedSyscalls, ...Object.values(capabilitySyscalls).flat()];
  assert.is(new Set(allowedSyscalls).size, allowedSyscalls.length);
  for (const name of Object.keys(recentSyscalls)) {
    assert.ok(all.includes(name), `${name} has a number but no rule`);
  }
});

profile.run();
