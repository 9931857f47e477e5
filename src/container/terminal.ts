/**
 * The terminals of a container: a devpts instance of its own, made in the shim before the container starts.
 *
 * The shim keeps its descriptor (register 4), so an exec with a terminal later allocates from the container's own
 * instance without looking at a path that the container controls; the slave comes from TIOCGPTPEER, not from
 * /dev/pts/N (security: ESC-13, KRN-10).
 */
import { K } from "../sys/abi.ts";
import { type Program, type Register, register } from "../sys/program.ts";
import { newMount } from "./mount-calls.ts";

/** Registers that the shim and its programs agree on; see src/shim. */
export interface SharedRegisters {
  readonly stdin: Register;
  readonly stdout: Register;
  readonly stderr: Register;
  /** pidfd of the process whose namespaces are joined. */
  readonly target: Register;
  readonly devpts: Register;
  readonly master: Register;
  /** Hand-over from prelude to postlude. */
  readonly pidNamespace: Register;
}

export const shared: SharedRegisters = {
  stdin: register(0),
  stdout: register(1),
  stderr: register(2),
  target: register(3),
  devpts: register(4),
  master: register(5),
  pidNamespace: register(6),
};

export const sharedRegisterCount = 8;

/** Makes the devpts instance of a container. Group 5 is "tty" in nearly every image. @param base - host id of its 0 */
export function makeDevpts(program: Program, base = 0): void {
  program.from("/dev/pts");
  const devpts = {
    type: "devpts",
    parameters: { newinstance: true, gid: String(base + 5), mode: "0620", ptmxmode: "0666" },
    attributes: K.MOUNT_ATTR_NOSUID | K.MOUNT_ATTR_NOEXEC,
  } as const;
  newMount(program, devpts, shared.devpts);
}

/** Opens a terminal pair of the container's devpts: master for the shim, slave three times for the process. */
export function openTerminal(program: Program, field: string): void {
  const flags = K.O_RDWR | K.O_NOCTTY | K.O_CLOEXEC;
  program.from(`${field}.tty`);
  program.call("openat", [shared.devpts, "ptmx", flags], { into: shared.master });
  program.call("ioctl", [shared.master, K.TIOCSPTLCK, program.bytes(Buffer.alloc(4), "[0]")]);
  for (const stream of [shared.stdin, shared.stdout, shared.stderr] as const) {
    program.call("ioctl", [shared.master, K.TIOCGPTPEER, flags], { into: stream });
  }
}

/**
 * Puts the three streams where the process expects them and closes everything else but `keep`, which becomes 3.
 * From here on the numbers of descriptors are known: the next one opened is 3 or 4.
 */
export function takeStreams(program: Program, keep: Register | undefined): void {
  program.from("standard streams");
  const streams = [shared.stdin, shared.stdout, shared.stderr];
  streams.forEach((stream, index) => {
    // EINVAL: it is that number already.
    program.call("dup3", [stream, index, 0], { tolerate: ["EINVAL"] });
  });
  if (keep) program.call("dup3", [keep, keptFd, K.O_CLOEXEC], { tolerate: ["EINVAL"] });
  program.from("no other descriptor of the shim");
  program.call("close_range", [keep ? keptFd + 1 : keptFd, 0xffff_ffff, 0]);
}

/** Number of the descriptor that takeStreams() keeps. */
export const keptFd = 3;

/**
 * Lets the user of the container open /dev/stdout and the like again, whose inodes belong to root.
 * @param uid - on the host
 */
export function ownStreams(
  program: Program,
  uid: number,
  streams: { readonly stdin: boolean; readonly tty: boolean },
): void {
  if (uid === 0) return;
  program.from("standard streams");
  // Without stdin, descriptor 0 is a device node and stays as it is.
  const numbers = streams.tty ? [0] : [...(streams.stdin ? [0] : []), 1, 2];
  for (const number of numbers) {
    program.call("fchown", [number, uid, -1], { tolerate: ["EINVAL", "EPERM", "EROFS"] });
  }
}
