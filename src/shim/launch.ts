/**
 * Starts a shim: one program, replayed in a child that is already in the pod's namespaces, ends in
 * the execveat of the sealed binary. The shim finds its descriptors at fixed numbers (native/shim.h):
 *
 *   0, 1 /dev/null · 2 shim.log · 3 listening shim.sock · 4 the reaper's binary · 5 the pod's folder
 *
 *   <run>/pods/<uid>/   shim.sock   shim.log   exits/<id>
 */
import { closeSync, constants, openSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { hasCode, PodError } from "../base/errors.ts";
import { failpoint, failpointAside, shimEnvironment } from "../base/failpoint.ts";
import { K } from "../sys/abi.ts";
import { run, spawnAside } from "../sys/ffi.ts";
import { type Operand, Program, type Register } from "../sys/program.ts";
import { reaperBinaryFd, shimBinaryFd } from "./binary.ts";

export interface LaunchRequest {
  readonly podUid: string;
  /** `<run>/pods/<uid>`, exists, mode 0700. */
  readonly folder: string;
  /** CLONE_NEWNS and whichever of NEWIPC, NEWUTS, NEWNET the pod does not share with the host. */
  readonly cloneFlags: number;
  /** Absolute path of the cgroup directory that the shim starts in; absent: the daemon's own. */
  readonly cgroup?: string;
  /** Adds operations that need mounts of the host while they are still joined with ours. */
  readonly open?: (program: Program) => void;
  /**
   * Adds operations that run inside the new namespaces before the shim is exec'ed: mounts, host
   * name, network, sysctls. The working directory is `folder`; descriptors left open are closed.
   */
  readonly prepare: (program: Program) => void;
}

/** Number of the reaper's binary in the shim, for programs that run there; native/shim.h. */
export const reaperFdInShim = 4;

/** No container may be chosen before its shim, nor the shim before the daemon (-999). */
const oomScoreAdjust = "-998";
/** Descriptors are first moved up here, so that none stands where another has to go. */
const firstFree = 10;
/** Number of the shim's own binary at its execveat. */
const binaryFdInChild = 6;

/**
 * The launch program; pure.
 * @param binaryFd - of the sealed shim, @param reaperFd - of the sealed reaper; -1 in listings.
 */
export function compileLaunch(request: LaunchRequest, binaryFd: number, reaperFd = -1): Program {
  const program = new Program(`shim of pod ${request.podUid}`);
  // A session of its own: a signal to the daemon's terminal does not reach it.
  program.from("shim session").call("setsid", []);
  request.open?.(program);
  // Unmounts on the host reach the pod, its own mounts never reach the host.
  program.from("shim mounts").call("mount", ["none", "/", 0, K.MS_REC | K.MS_SLAVE, 0]);
  program.from("shim folder");
  const directory = K.O_RDONLY | K.O_DIRECTORY | K.O_CLOEXEC;
  const folder = program.open("openat", [K.AT_FDCWD, request.folder, directory]);
  program.call("fchdir", [folder]);
  program.call("mkdirat", [folder, "exits", 0o700], { tolerate: ["EEXIST"] });
  const socket = addSocket(program, folder);
  program.from("shim log");
  const append = K.O_WRONLY | K.O_CREAT | K.O_APPEND | K.O_NOFOLLOW | K.O_CLOEXEC;
  const log = program.open("openat", [folder, "shim.log", append, 0o600]);
  const nothing = program.open("openat", [K.AT_FDCWD, "/dev/null", K.O_RDWR | K.O_CLOEXEC]);
  addOomScore(program);

  request.prepare(program);

  // After prepare(), which may use paths relative to the folder: the shim must pin no mount.
  program.from("shim start").call("chdir", ["/"]);
  placeDescriptors(program, [nothing, nothing, log, socket, reaperFd, folder, binaryFd]);
  // The path is for people who look at ps; there is nothing secret in it.
  const argv = program.pointers(["nspod-shim", request.folder]);
  const envp = program.pointers(shimEnvironment());
  program.call("execveat", [binaryFdInChild, "", argv, envp, K.AT_EMPTY_PATH]);
  return program;
}

function addSocket(program: Program, folder: Register): Register {
  program.from("shim socket");
  const type = K.SOCK_STREAM | K.SOCK_NONBLOCK | K.SOCK_CLOEXEC;
  const socket = program.open("socket", [K.AF_UNIX, type, 0]);
  program.call("unlinkat", [folder, "shim.sock", 0], { tolerate: ["ENOENT"] });
  // The mode of a socket comes from the umask, and only bind makes it: never open to others.
  program.call("umask", [0o177]);
  // Relative to the folder: a socket's path has at most 107 bytes.
  const name = Buffer.from("\0\0shim.sock\0");
  name.writeUInt16LE(K.AF_UNIX, 0);
  program.call("bind", [socket, program.bytes(name, '{AF_UNIX "shim.sock"}'), name.length]);
  program.call("umask", [0o022]);
  program.call("listen", [socket, 128]);
  return socket;
}

function addOomScore(program: Program): void {
  program.from("shim oom_score_adj");
  // EACCES, EPERM: not granted to the daemon (rootless machines); the shim works without it.
  const file = program.open(
    "openat",
    [K.AT_FDCWD, "/proc/self/oom_score_adj", K.O_WRONLY | K.O_CLOEXEC],
    { tolerate: ["EACCES", "ENOENT"] },
  );
  program.call("write", [file, oomScoreAdjust, oomScoreAdjust.length], {
    tolerate: ["EACCES", "EPERM"],
  });
  program.close(file);
}

/** Moves each descriptor to its index; the last is closed by the exec, everything above at once. */
function placeDescriptors(program: Program, descriptors: readonly Operand[]): void {
  const moved = descriptors.map((descriptor) =>
    program.open("fcntl", [descriptor, K.F_DUPFD_CLOEXEC, firstFree]),
  );
  moved.forEach((descriptor, index) => {
    program.call("dup3", [descriptor, index, index === binaryFdInChild ? K.O_CLOEXEC : 0]);
  });
  program.call("close_range", [descriptors.length, 0xffff_ffff, 0]);
}

/**
 * Starts the shim of a pod; it listens when this resolves. The main thread goes on meanwhile.
 * @returns its pid in this PID namespace. Call `reapShim()` when it has ended.
 * @throws SyscallError when an operation fails; nothing remains then.
 */
export async function launchShim(request: LaunchRequest): Promise<{ readonly pid: number }> {
  const program = compileLaunch(request, shimBinaryFd(), reaperBinaryFd());
  const action = `Cannot start the shim of pod ${request.podUid}`;
  const cgroup = openCgroup(action, request.cgroup);
  try {
    const slow = failpointAside("shim/launch.spawn");
    if (slow !== undefined) await slow;
    const { pid } = await spawnAside(action, program, {
      cloneFlags: request.cloneFlags,
      ...(cgroup === undefined ? {} : { cgroupFd: cgroup }),
    });
    failpoint("shim/launch.spawned");
    return { pid };
  } catch (error) {
    removeTraces(request.folder);
    throw error;
  } finally {
    if (cgroup !== undefined) closeSync(cgroup);
  }
}

function removeTraces(folder: string): void {
  for (const name of ["shim.sock", "shim.log"]) rmSync(join(folder, name), { force: true });
  try {
    rmdirSync(join(folder, "exits"));
  } catch (error) {
    // ENOTEMPTY: records of a former shim, which nobody may have read yet.
    if (!hasCode(error, "ENOENT", "ENOTEMPTY")) throw error;
  }
}

function openCgroup(action: string, path: string | undefined): number | undefined {
  if (path === undefined) return undefined;
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (cause) {
    const message = `${action}: its cgroup "${path}" cannot be opened`;
    throw new PodError("FailedPrecondition", message, { cause });
  }
}

/**
 * Collects a shim that has ended, so that no zombie stays. Never waits.
 * @returns true when it is collected or was not our child (a former daemon's); false when it has
 * not ended yet: its connection closes a moment before. Call again then, or leave it to the exit
 * of this process.
 */
export function tryReapShim(pid: number): boolean {
  const program = new Program(`end of shim ${pid}`).from("wait for the shim");
  const collected = program.open("wait4", [pid, 0, K.WNOHANG, 0], { tolerate: ["ECHILD"] });
  const done = run(`Cannot collect shim ${pid}`, program);
  return done.registers[collected.number] !== 0n;
}

/**
 * Waits until a shim that is ending has ended and collects it; to be called after its connection
 * closed. Bounded: a shim that does not end within a second is left alone.
 */
export async function reapShim(pid: number): Promise<void> {
  // No event tells of the end of a process that Node did not start; it is due within microseconds.
  for (let pauseMs = 1; pauseMs < 1000 && !tryReapShim(pid); pauseMs *= 2) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}
