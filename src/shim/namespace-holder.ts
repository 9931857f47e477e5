/**
 * A process that keeps new namespaces alive for a moment: a user namespace has to get its ids from outside before
 * anything can live in it, and the pod's network, IPC and host name shall belong to it.
 *
 * The holder is the reaper's tiny binary; it ends when its user has joined or pinned what it needs.
 * Source: user_namespaces(7), "User and group ID mappings"; pid_namespaces(7).
 */
import { writeFileSync } from "node:fs";
import { K } from "../sys/abi.ts";
import { run, spawn } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";
import { reaperBinaryFd } from "./binary.ts";
import { reapShim } from "./launch.ts";

export interface HolderRequest {
  /** CLONE_NEW* of what is made beside the user namespace, and owned by it. */
  readonly cloneFlags: number;
  /** First id on the host, and how many follow. */
  readonly base: number;
  readonly count: number;
}

/**
 * Starts a holder. @returns its pid, for /proc/<pid>/ns and pidfd_open; release it soon.
 * @throws SyscallError when the kernel has no user namespaces or allows no more of them
 */
export function holdNamespaces({ cloneFlags, base, count }: HolderRequest): {
  readonly pid: number;
  readonly release: () => Promise<void>;
} {
  const { pid } = spawn("Cannot create a user namespace", compileHolder(reaperBinaryFd()), {
    cloneFlags: K.CLONE_NEWUSER | cloneFlags,
  });
  const release = async (): Promise<void> => {
    // Our own child that nobody else collects: its pid cannot be another's.
    run(`Cannot end holder ${pid}`, new Program("holder").call("kill", [pid, K.SIGKILL]));
    await reapShim(pid);
  };
  try {
    for (const file of ["uid_map", "gid_map"]) {
      writeFileSync(`/proc/${pid}/${file}`, `0 ${base} ${count}`);
    }
    return { pid, release };
  } catch (error) {
    void release();
    throw error;
  }
}

/** @param binaryFd - of the reaper, or any number for listings */
export function compileHolder(binaryFd: number): Program {
  const program = new Program("holder of namespaces").from("spec.hostUsers");
  // A daemon that is killed leaves none behind.
  program.call("prctl", [K.PR_SET_PDEATHSIG, K.SIGKILL, 0, 0, 0]);
  const binary = program.open("fcntl", [binaryFd, K.F_DUPFD_CLOEXEC, 3]);
  program.call("close_range", [0, 0xffff_ffff, K.CLOSE_RANGE_CLOEXEC]);
  const argv = program.pointers(["nspod-holder"]);
  program.call("execveat", [binary, "", argv, program.pointers([]), K.AT_EMPTY_PATH]);
  return program;
}

/** In another process: joins the holder's namespaces. */
export function joinHolder(program: Program, pid: number, cloneFlags: number): void {
  program.from("spec.hostUsers");
  const holder = program.open("pidfd_open", [pid, 0]);
  program.call("setns", [holder, cloneFlags]).close(holder);
}

/** Pins the holder's user namespace on a file that it makes; seen in this mount namespace only. */
export function pinUsers(program: Program, pid: number, path: string): void {
  program.from("spec.hostUsers");
  program.call("mknodat", [K.AT_FDCWD, path, K.S_IFREG | 0o600, 0], { tolerate: ["EEXIST"] });
  program.call("mount", [`/proc/${pid}/ns/user`, path, 0, K.MS_BIND, 0]);
}
