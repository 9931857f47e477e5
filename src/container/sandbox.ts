/**
 * Who a process of a container is and what it may do: the part of the sandbox that init, exec and probes share.
 *
 * Invariant: there is one function for all of them, so an exec can never have more than the container's first
 * process (security: R6, ESC-06).
 */

import { CAPABILITY_NAMES, type CapabilityName } from "../spec/capabilities.ts";
import { type ConstantName, type ErrnoName, K } from "../sys/abi.ts";
import type { Program } from "../sys/program.ts";
import { type AppArmorTransition, changeProfileOnExec } from "./app-armor.ts";
import { capabilitySet } from "./capabilities.ts";
import type { SeccompFilter } from "./seccomp.ts";
import { enterUsers, type PodUsers } from "./user-namespace.ts";

export interface ResourceLimit {
  readonly resource: Extract<ConstantName, `RLIMIT_${string}`>;
  /** `undefined` is no limit. */
  readonly soft: number | undefined;
  readonly hard: number | undefined;
}

export interface Identity {
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

export interface Sandbox {
  /** Field of the container, e.g. `spec.containers[0]`: the head of origins. */
  readonly field: string;
  readonly user: Identity;
  readonly capabilities: readonly CapabilityName[];
  readonly noNewPrivileges: boolean;
  /** undefined is unconfined. */
  readonly seccomp: SeccompFilter | undefined;
  /** undefined: the host's users. */
  readonly users?: PodUsers | undefined;
  /** undefined: nothing changes with the execve. */
  readonly appArmor?: AppArmorTransition | undefined;
  readonly limits: readonly ResourceLimit[];
  /** -1000..1000 */
  readonly oomScoreAdj: number;
}

/** Limits of every container (security: B6); pids.max of the pod rules instead of NPROC. */
export const defaultLimits: readonly ResourceLimit[] = [
  { resource: "RLIMIT_NOFILE", soft: 1024, hard: 524_288 },
  { resource: "RLIMIT_CORE", soft: 0, hard: 0 },
  { resource: "RLIMIT_NPROC", soft: undefined, hard: undefined },
  { resource: "RLIMIT_MEMLOCK", soft: 8 * 1024 * 1024, hard: 8 * 1024 * 1024 },
];

const infinity = 0xffff_ffff_ffff_ffffn;

/**
 * First of all in the child: nobody may trace it, and its OOM score stands before it has touched anything of the
 * container. The files below /proc are the host's here (security: R3).
 */
export function enterProcess(program: Program, sandbox: Sandbox): void {
  program.from("before the sandbox");
  program.call("prctl", [K.PR_SET_DUMPABLE, 0, 0, 0, 0]);
  program.from("quality of service");
  const text = String(sandbox.oomScoreAdj);
  const file = program.open("openat", [
    K.AT_FDCWD,
    "/proc/self/oom_score_adj",
    K.O_WRONLY | K.O_CLOEXEC,
  ]);
  // EACCES: nspod lacks CAP_SYS_RESOURCE and may not make the process more precious than itself.
  program.call("write", [file, program.bytes(Buffer.from(text), text), text.length], {
    tolerate: ["EACCES"],
  });
  program.close(file);
  if (sandbox.appArmor) changeProfileOnExec(program, sandbox.appArmor);
}

/** The process owns a session and, with `tty`, its terminal: both end with it, so it is the one that executes. */
export function leadSession(program: Program, field: string, tty: boolean): void {
  program.from("session of its own");
  program.call("setsid", [], { tolerate: ["EPERM"] });
  if (tty) program.from(`${field}.tty`).call("ioctl", [0, K.TIOCSCTTY, 0]);
}

/**
 * Gives up all privileges but those of the sandbox. Nothing but execve may follow. With users of its own, `keptFd`
 * is their namespace; `ownMounts`: the mounts become that namespace's.
 * The order is what the kernel demands; each line says why.
 */
export function dropPrivileges(
  program: Program,
  sandbox: Sandbox,
  { ownMounts = false }: { readonly ownMounts?: boolean } = {},
): void {
  const { user, field } = sandbox;
  const security = `${field}.securityContext`;
  setLimits(program, sandbox.limits);
  program.from("session keyring of its own");
  // A kernel without keys, or one that forbids more of them, has nothing to share either.
  program.call("keyctl", [K.KEYCTL_JOIN_SESSION_KEYRING, 0], { tolerate: ["ENOSYS", "EPERM"] });
  program.from("file mode mask").call("umask", [0o022]);

  // Limits need privileges over the host; the namespace brings a new bounding set.
  if (sandbox.users) enterUsers(program, { ownMounts });

  // Before the ids: dropping from the bounding set takes CAP_SETPCAP.
  program.from(`${security}.capabilities`);
  dropBoundingSet(program, sandbox.capabilities);
  // A filter may be installed with no_new_privs or with CAP_SYS_ADMIN, which would end with the change of the uid.
  const keepsAdmin = sandbox.seccomp !== undefined && !sandbox.noNewPrivileges;
  if (keepsAdmin) program.call("prctl", [K.PR_SET_KEEPCAPS, 1, 0, 0, 0]);

  program.from(`${security}.runAsUser`);
  // Groups before the uid: with it goes CAP_SETGID.
  const groups = new Uint8Array(Uint32Array.from(user.groups).buffer);
  program.call("setgroups", [
    user.groups.length,
    program.bytes(groups, `[${user.groups.join(", ")}]`),
  ]);
  program.call("setresgid", [user.gid, user.gid, user.gid]);
  program.call("setresuid", [user.uid, user.uid, user.uid]);

  program.from(`${security}.capabilities`);
  program.call("prctl", [K.PR_CAP_AMBIENT, K.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0]);
  const final = user.uid === 0 ? capabilitySet(sandbox.capabilities) : 0n;
  if (keepsAdmin) {
    program.call("prctl", [K.PR_SET_KEEPCAPS, 0, 0, 0, 0]);
    setCapabilities(program, final | capabilitySet(["SYS_ADMIN"]));
  } else {
    setCapabilities(program, final);
  }
  program.from(`${security}.allowPrivilegeEscalation`);
  if (sandbox.noNewPrivileges) program.call("prctl", [K.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  if (sandbox.seccomp !== undefined) {
    program.from(sandbox.seccomp.origin);
    installFilter(program, sandbox.seccomp);
  }
  if (keepsAdmin) {
    // After the filter, which allows capset: the last privilege that is not the container's.
    program.from(`${security}.capabilities`);
    setCapabilities(program, final);
  }
}

function setLimits(program: Program, limits: readonly ResourceLimit[]): void {
  program.from("default resource limits");
  for (const { resource, soft, hard } of limits) {
    if (soft) lowerSoftLimit(program, resource, soft);
    const bytes = Buffer.alloc(16);
    bytes.writeBigUInt64LE(soft === undefined ? infinity : BigInt(soft), 0);
    bytes.writeBigUInt64LE(hard === undefined ? infinity : BigInt(hard), 8);
    const text = `{${soft ?? "unlimited"}, ${hard ?? "unlimited"}}`;
    // EPERM: without CAP_SYS_RESOURCE the hard limit of nspod itself stays.
    program.call("prlimit64", [0, K[resource], program.bytes(bytes, text), 0], {
      tolerate: ["EPERM"],
    });
  }
}

/** The soft limit alone, below the hard limit that is there: holds even where the hard one cannot be raised. */
function lowerSoftLimit(program: Program, resource: ResourceLimit["resource"], soft: number): void {
  const limit = program.buffer(16);
  const words = Buffer.alloc(8);
  words.writeInt32LE(soft, 0);
  const wanted = program.bytes(words, `[${soft}, 0]`);
  const word = program.allocate();
  program.call("prlimit64", [0, K[resource], 0, limit]);
  program.load(wanted, 0, word).store(limit, 0, word);
  program.load(wanted, 4, word).store(limit, 4, word);
  // EINVAL: the hard limit is lower still.
  program.call("prlimit64", [0, K[resource], limit, 0], { tolerate: ["EINVAL"] });
  program.release(word);
}

/** Kernels may know more or fewer capabilities than we do: an unknown number is EINVAL. */
function dropBoundingSet(program: Program, keep: readonly CapabilityName[]): void {
  if (keep.length === CAPABILITY_NAMES.length) return;
  const tolerate: readonly ErrnoName[] = ["EINVAL"];
  const kept = new Set<string>(keep);
  for (let number = 0; number < 64; number++) {
    const name = CAPABILITY_NAMES[number];
    if (name !== undefined && kept.has(name)) continue;
    program.call("prctl", [K.PR_CAPBSET_DROP, number, 0, 0, 0], { tolerate });
  }
}

/** Permitted and effective are the set, inheritable is empty (CVE-2022-24769). */
function setCapabilities(program: Program, set: bigint): void {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(K._LINUX_CAPABILITY_VERSION_3, 0);
  const data = Buffer.alloc(24);
  const low = Number(set & 0xffff_ffffn);
  const high = Number(set >> 32n);
  [low, low, 0, high, high, 0].forEach((word, index) => {
    data.writeUInt32LE(word, 4 * index);
  });
  const hex = `0x${set.toString(16)}`;
  program.call("capset", [
    program.bytes(header, "{version=3, pid=0}"),
    program.bytes(data, `{effective=${hex}, permitted=${hex}, inheritable=0}`),
  ]);
}

const filterInstructionSize = 8;

function installFilter(program: Program, { program: filter, logs }: SeccompFilter): void {
  const length = filter.length / filterInstructionSize;
  const descriptor = Buffer.alloc(16);
  descriptor.writeUInt16LE(length, 0);
  const prog = program.bytes(descriptor, `{len=${length}}`);
  program.relocate(prog, 8, program.bytes(filter, `<${length} BPF instructions>`));
  const flags = K.SECCOMP_FILTER_FLAG_SPEC_ALLOW | (logs ? K.SECCOMP_FILTER_FLAG_LOG : 0);
  program.call("seccomp", [K.SECCOMP_SET_MODE_FILTER, flags, prog]);
}
