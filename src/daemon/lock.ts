/**
 * One daemon per folder: an exclusive flock(2) on a file, which the kernel frees however the
 * process ends. The file holds the pid for the sentence that a second daemon says; only the lock
 * decides. Children do not keep it: the descriptor is closed when they exec.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { PodError } from "../base/errors.ts";
import { K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";

export class DaemonLock implements Disposable {
  readonly path: string;
  readonly #fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
  }

  /**
   * @param path - absolute; its folder exists.
   * @throws PodError FailedPrecondition with data.reason "Locked" when another process holds it.
   */
  static take(path: string): DaemonLock {
    // Appending does not cut off the other daemon's pid. Node.js opens with O_CLOEXEC.
    const fd = openSync(path, "a", 0o600);
    try {
      if (!flock(path, fd)) throw lockedBy(path);
      ftruncateSync(fd);
      writeSync(fd, `${process.pid}\n`);
      return new DaemonLock(path, fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  release(): void {
    closeSync(this.#fd);
  }

  [Symbol.dispose](): void {
    this.release();
  }
}

function flock(path: string, fd: number): boolean {
  const program = new Program("lock of the daemon").from("flock");
  const outcome = program.allocate();
  program.call("flock", [fd, K.LOCK_EX | K.LOCK_NB], { into: outcome, tolerate: ["EAGAIN"] });
  const { registers } = run(`Cannot lock "${path}"`, program);
  return registers[outcome.number] === 0n;
}

function lockedBy(path: string): PodError {
  const pid = readFileSync(path, "utf8").trim();
  return new PodError(
    "FailedPrecondition",
    `Another daemon${pid === "" ? "" : ` (pid ${pid})`} holds "${path}": stop it first, or give this one another --root and --run`,
    { data: { reason: "Locked", path, pid } },
  );
}
