/**
 * The lock that tells living imports from rubbish: an import holds it shared, whoever removes
 * rubbish takes it alone. The kernel drops it with the process, also after kill -9. flock(2).
 */
import { closeSync, openSync } from "node:fs";
import { K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";

export class StoreLock implements Disposable {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** For an import; waits for the moment that a cleaner may hold the lock. */
  static shared(path: string): StoreLock {
    const fd = openSync(path, "r");
    flock(fd, K.LOCK_SH);
    return new StoreLock(fd);
  }

  /** For a cleaner; undefined when an import is going on. */
  static exclusive(path: string): StoreLock | undefined {
    const fd = openSync(path, "r");
    if (flock(fd, K.LOCK_EX | K.LOCK_NB)) return new StoreLock(fd);
    closeSync(fd);
    return undefined;
  }

  [Symbol.dispose](): void {
    closeSync(this.#fd);
  }
}

function flock(fd: number, operation: number): boolean {
  const program = new Program("image store lock");
  const result = program.open("flock", [fd, operation], { tolerate: ["EAGAIN"] });
  return Number(run("Cannot lock the image store", program).registers[result.number]) === 0;
}
