/**
 * The seccomp filter of image helpers, in every thread of them: no other program, no socket, no other
 * process, no mount and no namespace, whatever a parser was talked into. CAP_SYS_ADMIN, which unpacking
 * needs for one attribute, opens nothing behind it.
 *
 * Written by hand, because libseccomp takes 20 ms for a filter and this one is a list.
 * Source: seccomp(2), struct seccomp_data; classic BPF: Documentation/networking/filter.rst.
 */
import { errnos, K, type SyscallName, syscalls } from "../sys/abi.ts";

/** What a helper never does. */
export const refusedSyscalls: readonly SyscallName[] = [
  ...(["execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev"] as const),
  ...(["pidfd_open", "pidfd_getfd", "socket", "keyctl", "chroot", "pivot_root"] as const),
  ...(["mount", "umount2", "fsopen", "fsconfig", "fsmount", "fspick", "open_tree"] as const),
  ...(["move_mount", "mount_setattr", "setns", "unshare", "sethostname", "setdomainname"] as const),
  ...(["bpf", "perf_event_open", "quotactl", "swapon", "swapoff"] as const),
  ...(["open_by_handle_at", "io_uring_setup", "userfaultfd"] as const),
];

// BPF_LD|BPF_W|BPF_ABS, BPF_JMP|BPF_JEQ|BPF_K, BPF_JMP|BPF_JGE|BPF_K, BPF_RET|BPF_K.
const load = 0x20;
const jumpEqual = 0x15;
const jumpGreaterEqual = 0x35;
const answer = 0x06;
// Offsets in struct seccomp_data.
const numberAt = 0;
const archAt = 4;
const x32Bit = 0x4000_0000;
const retErrno = 0x0005_0000;
const retAllow = 0x7fff_0000;

/** `struct sock_filter[]` for this architecture. */
export function helperFilter(): Buffer {
  const arch = process.arch === "arm64" ? K.AUDIT_ARCH_AARCH64 : K.AUDIT_ARCH_X86_64;
  const numbers = refusedSyscalls.map((name) => syscalls[name]);
  // Distance from the test at `index` to the refusal, which stands behind all tests and the permission.
  const toRefusal = (index: number): number => numbers.length - index;
  const rows: (readonly [code: number, whenTrue: number, whenFalse: number, k: number])[] = [
    [load, 0, 0, archAt],
    [jumpEqual, 0, numbers.length + 3, arch],
    [load, 0, 0, numberAt],
    [jumpGreaterEqual, numbers.length + 1, 0, x32Bit],
    ...numbers.map((number, index) => [jumpEqual, toRefusal(index), 0, number] as const),
    [answer, 0, 0, retAllow],
    [answer, 0, 0, retErrno | errnos.EPERM],
  ];
  const filter = Buffer.alloc(8 * rows.length);
  rows.forEach(([code, whenTrue, whenFalse, k], index) => {
    filter.writeUInt16LE(code, 8 * index);
    filter.writeUInt8(whenTrue, 8 * index + 2);
    filter.writeUInt8(whenFalse, 8 * index + 3);
    filter.writeUInt32LE(k, 8 * index + 4);
  });
  return filter;
}
