/**
 * What the operands of each system call are, so that listings print them as a reader of strace
 * expects. A missing entry prints plain numbers. Source: man pages section 2.
 */
import { type ConstantName, K, type SyscallName } from "./abi.ts";
import type { Operand } from "./program.ts";

/** How one operand is printed; `one`: a single name, `bits`: names joined by "|". */
export type OperandKind =
  | "int"
  | "fd"
  | "pointer"
  | "octal"
  | "mode"
  | "device"
  | "id"
  | "last"
  | { readonly one: readonly ConstantName[] }
  | { readonly bits: readonly ConstantName[] };

/** Kinds of the operands; a function where one operand decides about the others. */
export type Signature =
  | readonly OperandKind[]
  | ((operands: readonly Operand[]) => readonly OperandKind[]);

const names = Object.keys(K) as ConstantName[];

function named(...prefixes: readonly string[]): ConstantName[] {
  return names.filter((name) => prefixes.some((prefix) => name.startsWith(prefix)));
}

function bits(...prefixes: readonly string[]): OperandKind {
  return { bits: named(...prefixes) };
}

function one(...prefixes: readonly string[]): OperandKind {
  return { one: named(...prefixes) };
}

function is(operand: Operand | undefined, value: number): boolean {
  return typeof operand === "number" && operand === value;
}

const open = bits("O_");
/** Without an access mode. */
const descriptor = bits("O_CLOEXEC", "O_NONBLOCK");
const at = { bits: named("AT_").filter((name) => name !== "AT_FDCWD") } as const;
const signal = { one: named("SIG") } as const;
const mountAttributes = bits("MOUNT_ATTR_");
const control = {
  one: named("PR_").filter((name) => !name.startsWith("PR_CAP_AMBIENT_")),
} as const;
const capability = {
  one: named("CAP_").filter((name) => name !== "CAP_LAST_CAP"),
} as const;
const flagsOfFcntl = { one: named("F_").filter((name) => !name.startsWith("F_SEAL")) } as const;
const path = "pointer";

function prctl([option]: readonly Operand[]): readonly OperandKind[] {
  if (is(option, K.PR_CAPBSET_DROP) || is(option, K.PR_CAPBSET_READ)) return [control, capability];
  if (is(option, K.PR_SET_PDEATHSIG)) return [control, signal];
  if (is(option, K.PR_CAP_AMBIENT)) return [control, one("PR_CAP_AMBIENT_")];
  if (is(option, K.PR_SET_NAME)) return [control, path];
  return [control];
}

function fcntl([, command]: readonly Operand[]): readonly OperandKind[] {
  if (is(command, K.F_ADD_SEALS)) return ["fd", flagsOfFcntl, bits("F_SEAL_")];
  if (is(command, K.F_SETFD)) return ["fd", flagsOfFcntl, { bits: ["FD_CLOEXEC"] }];
  if (is(command, K.F_SETFL)) return ["fd", flagsOfFcntl, descriptor];
  return ["fd", flagsOfFcntl];
}

function socket([family]: readonly Operand[]): readonly OperandKind[] {
  const isNetlink = is(family, K.AF_NETLINK);
  const protocol = { one: ["NETLINK_ROUTE", "NETLINK_NETFILTER"] } as const;
  return [one("AF_"), bits("SOCK_"), isNetlink ? protocol : "int"];
}

function socketOption([, level]: readonly Operand[]): readonly OperandKind[] {
  const ofNetlink = ["NETLINK_EXT_ACK", "NETLINK_CAP_ACK", "NETLINK_GET_STRICT_CHK"] as const;
  const name: OperandKind = is(level, K.SOL_NETLINK) ? { one: ofNetlink } : one("SO_");
  return ["fd", one("SOL_"), name, "pointer", "int"];
}

function fsconfig([, command]: readonly Operand[]): readonly OperandKind[] {
  const start: readonly OperandKind[] = ["fd", one("FSCONFIG_"), "pointer"];
  return is(command, K.FSCONFIG_SET_FD)
    ? [...start, "pointer", "fd"]
    : [...start, "pointer", "int"];
}

const bpfCommands = [
  "BPF_PROG_LOAD",
  "BPF_PROG_ATTACH",
  "BPF_PROG_DETACH",
  "BPF_PROG_QUERY",
] as const;
const wait = { bits: ["WNOHANG", "WEXITED", "__WALL"] } as const;
const message = bits("MSG_");
const message6 = ["fd", "pointer", "int", message, "pointer", "int"] as const;
const transfer = ["fd", "pointer", "int"] as const;
const xattr = ["pointer", "pointer", "int", bits("XATTR_")] as const;

export const signatures: Readonly<Partial<Record<SyscallName, Signature>>> = {
  accept4: ["fd", "pointer", "pointer", bits("SOCK_NONBLOCK", "SOCK_CLOEXEC")],
  bind: ["fd", "pointer", "int"],
  bpf: [{ one: bpfCommands }, "pointer", "int"],
  capset: ["pointer", "pointer"],
  chdir: [path],
  chroot: [path],
  clock_gettime: ["int", "pointer"],
  close: ["fd"],
  close_range: ["int", "last", "int"],
  connect: ["fd", "pointer", "int"],
  copy_file_range: ["fd", "pointer", "fd", "pointer", "int", "int"],
  dup3: ["fd", "fd", descriptor],
  execve: [path, "pointer", "pointer"],
  execveat: ["fd", path, "pointer", "pointer", at],
  faccessat: ["fd", path, "int"],
  fchdir: ["fd"],
  fchmod: ["fd", "octal"],
  fchmodat: ["fd", path, "octal"],
  fchown: ["fd", "id", "id"],
  fchownat: ["fd", path, "id", "id", at],
  fcntl,
  flock: ["fd", bits("LOCK_")],
  fsconfig,
  fsmount: ["fd", bits("FSMOUNT_"), mountAttributes],
  fsopen: [path, bits("FSOPEN_")],
  fspick: ["fd", path, "int"],
  fsetxattr: ["fd", ...xattr],
  getdents64: transfer,
  getsockopt: socketOption,
  inotify_add_watch: ["fd", path, "int"],
  ioctl: ["fd", one("TIOC"), "pointer"],
  keyctl: [one("KEYCTL_"), "pointer"],
  kill: ["int", signal],
  linkat: ["fd", path, "fd", path, at],
  lsetxattr: [path, ...xattr],
  memfd_create: [path, bits("MFD_")],
  mkdirat: ["fd", path, "octal"],
  mknodat: ["fd", path, "mode", "device"],
  mount: [path, path, path, bits("MS_"), "pointer"],
  mount_setattr: ["fd", path, at, "pointer", "int"],
  move_mount: ["fd", path, "fd", path, bits("MOVE_MOUNT_")],
  name_to_handle_at: ["fd", path, "pointer", "pointer", at],
  open_tree: ["fd", path, { bits: [...named("OPEN_TREE_"), ...at.bits] }],
  openat: ["fd", path, open, "octal"],
  openat2: ["fd", path, "pointer", "int"],
  pidfd_getfd: ["fd", "int", "int"],
  pidfd_send_signal: ["fd", signal, "pointer", "int"],
  pipe2: ["pointer", descriptor],
  pivot_root: [path, path],
  prctl,
  pread64: ["fd", "pointer", "int", "int"],
  prlimit64: ["int", one("RLIMIT_"), "pointer", "pointer"],
  pwrite64: ["fd", "pointer", "int", "int"],
  read: transfer,
  readlinkat: ["fd", path, "pointer", "int"],
  recvfrom: message6,
  recvmsg: ["fd", "pointer", message],
  renameat2: ["fd", path, "fd", path, bits("RENAME_")],
  seccomp: [one("SECCOMP_SET_MODE_"), bits("SECCOMP_FILTER_FLAG_"), "pointer"],
  sendmsg: ["fd", "pointer", message],
  sendto: message6,
  setgid: ["id"],
  setgroups: ["int", "pointer"],
  setns: ["fd", bits("CLONE_")],
  setresgid: ["id", "id", "id"],
  setresuid: ["id", "id", "id"],
  setsockopt: socketOption,
  setuid: ["id"],
  setxattr: [path, ...xattr],
  socket,
  socketpair: [one("AF_"), bits("SOCK_"), "int", "pointer"],
  statfs: [path, "pointer"],
  statx: ["fd", path, at, "int", "pointer"],
  symlinkat: [path, "fd", path],
  umask: ["octal"],
  umount2: [path, bits("MNT_", "UMOUNT_")],
  unlinkat: ["fd", path, at],
  unshare: [bits("CLONE_")],
  utimensat: ["fd", path, "pointer", at],
  wait4: ["int", "pointer", wait, "pointer"],
  waitid: [one("P_"), "int", "pointer", wait, "pointer"],
  write: transfer,
  writev: transfer,
};
