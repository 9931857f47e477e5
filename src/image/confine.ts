/**
 * Locks a helper process into one folder before it reads the first byte of content: chroot, no new
 * privileges, no capabilities but those that the work needs. Only for processes of worker.ts:
 * chroot changes all threads (they share the root), and the process never leaves again.
 *
 * Everything that the process loads must be loaded before: modules, the FFI library.
 * capset(2) changes the calling thread; libuv's threads start later and inherit from it.
 */
import { type ConstantName, K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";

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

/** The helper dies with its parent. Call it first. */
export function dieWithParent(): void {
  const program = new Program("image helper");
  program.call("prctl", [K.PR_SET_PDEATHSIG, K.SIGKILL, 0, 0, 0]);
  run("Cannot start the image helper", program);
}

/** Makes `folder` the root and working directory of this process. @throws SyscallError. */
export function confine(folder: string, capabilities: readonly ConstantName[]): void {
  process.umask(0);
  const program = new Program("image helper");
  program.call("chroot", [folder]).call("chdir", ["/"]);
  program.call("prctl", [K.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0]);
  const mask = capabilities.reduce((bits, name) => bits | (1n << BigInt(K[name])), 0n);
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
  run("Cannot confine the image helper", program);
}
