/**
 * Locks a helper process into one folder before it reads the first byte of content: chroot, no new
 * privileges, no capabilities but those that the work needs, a seccomp filter. Only for processes of
 * worker.ts: chroot changes all threads (they share the root), and the process never leaves again.
 *
 * Everything that the process loads must be loaded before: modules, the FFI library.
 *
 * Privileges belong to threads, and V8 has started some before we run: they become nobody without a
 * capability. libuv's threads, which run batches, start later and inherit from the main thread.
 * Source: capabilities(7), nptl(7) "setuid" of all threads, seccomp(2) SECCOMP_FILTER_FLAG_TSYNC.
 */
import { type ConstantName, K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";
import { helperFilter } from "./helper-filter.ts";

/**
 * What unpacking needs. CAP_SYS_ADMIN is for `trusted.overlay.opaque` alone: there is no smaller
 * privilege for attributes in the "trusted" namespace, xattr(7).
 */
export const unpackCapabilities: readonly ConstantName[] = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_SETFCAP",
  "CAP_MKNOD",
  "CAP_SYS_ADMIN",
];

/** Removing trees of any owner and mode. */
export const removeCapabilities: readonly ConstantName[] = ["CAP_DAC_OVERRIDE", "CAP_FOWNER"];

/** A folder that is empty, cannot be written and needs not be made: for work without files. */
export const noFolder = "/proc/self/fdinfo";

/** A user that owns nothing. */
const nobody = 65_534;

const action = "Cannot confine the image helper";

/** The helper dies with its parent. Call it first. */
export function dieWithParent(): void {
  const program = new Program("image helper");
  program.call("prctl", [K.PR_SET_PDEATHSIG, K.SIGKILL, 0, 0, 0]);
  run("Cannot start the image helper", program);
}

/**
 * Makes `folder` the root and working directory of this process and takes its privileges.
 * @throws SyscallError; the process must end then.
 */
export function confine(folder: string, capabilities: readonly ConstantName[]): void {
  process.umask(0);
  const enter = new Program("image helper");
  enter.call("chroot", [folder]).call("chdir", ["/"]);
  // Of this thread only: it keeps what the others lose with the user.
  enter.call("prctl", [K.PR_SET_KEEPCAPS, 1, 0, 0, 0]);
  run(action, enter);
  // libc does it in all threads.
  process.setuid?.(nobody);

  const program = new Program("image helper");
  const mask = capabilities.reduce((bits, name) => bits | (1n << BigInt(K[name])), 0n);
  setCapabilities(program, mask | (1n << BigInt(K.CAP_SETUID)));
  // The bare call, so of this thread only: files are made as root.
  program.call("setresuid", [0, 0, 0]);
  program.call("prctl", [K.PR_SET_KEEPCAPS, 0, 0, 0, 0]);
  setCapabilities(program, mask);
  // The kernel forgets it when the user changes.
  program.call("prctl", [K.PR_SET_PDEATHSIG, K.SIGKILL, 0, 0, 0]);
  program.call("prctl", [K.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  installFilter(program);
  run(action, program);
}

/** Permitted and effective; inheritable stays empty. */
function setCapabilities(program: Program, mask: bigint): void {
  // struct __user_cap_header_struct, then two of __user_cap_data_struct; capset(2).
  const header = Buffer.alloc(8);
  header.writeUInt32LE(K._LINUX_CAPABILITY_VERSION_3, 0);
  const data = Buffer.alloc(24);
  for (const half of [0, 1]) {
    const bits = Number((mask >> BigInt(32 * half)) & 0xffffffffn);
    data.writeUInt32LE(bits, 12 * half);
    data.writeUInt32LE(bits, 12 * half + 4);
  }
  program.call("capset", [program.bytes(header, "version 3"), program.bytes(data, "capabilities")]);
}

/** In all threads: with it they take no_new_privs from this one. */
function installFilter(program: Program): void {
  const filter = helperFilter();
  const length = filter.length / 8;
  const descriptor = Buffer.alloc(16);
  descriptor.writeUInt16LE(length, 0);
  const prog = program.bytes(descriptor, `{len=${length}}`);
  program.relocate(prog, 8, program.bytes(filter, `<${length} BPF instructions>`));
  program.call("seccomp", [K.SECCOMP_SET_MODE_FILTER, K.SECCOMP_FILTER_FLAG_TSYNC, prog]);
}
