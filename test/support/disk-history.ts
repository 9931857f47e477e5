// Everything that a machine wrote to a disk, in its order, and what the disk held after any of it: a power cut leaves
// all that was written before the last flush, and of what came after it whatever the disk likes.
//
//   disk     the content now, sparse
//   log      the bytes of all writes, one after the other
//   past     the content at the last flush before the cut that was asked for last
import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { mustRun } from "./run-command.ts";

/** A power cut may tear what is longer: disks write these whole or not at all. */
const sectorBytes = 512;

interface Write {
  readonly offset: number;
  readonly length: number;
  /** Of its bytes in the log. */
  readonly at: number;
}

/** Of the writes since the last flush: are these sectors on the disk? */
export type Survives = () => boolean;

export interface DiskFiles {
  /** There, of the size that the disk has. */
  readonly disk: string;
  readonly log: string;
  /** A copy of `disk` as it is at first. */
  readonly past: string;
}

export class DiskHistory implements Disposable {
  readonly #files: DiskFiles;
  readonly #disk: number;
  readonly #log: number;
  readonly #past: number;
  readonly #steps: (Write | "flush")[] = [];
  readonly #times: number[] = [];
  #logged = 0;
  /** So many steps are in `past`. */
  #applied = 0;

  constructor(files: DiskFiles) {
    this.#files = files;
    this.#disk = openSync(files.disk, "r+");
    this.#log = openSync(files.log, "w+");
    this.#past = openSync(files.past, "r+");
  }

  /** Number of writes and flushes so far. */
  get length(): number {
    return this.#steps.length;
  }

  /** Of each write that came after `from` steps and up to `to`: how many steps there were with it. */
  writesBetween(from: number, to: number): number[] {
    const numbers = this.#steps
      .slice(0, to)
      .map((step, index) => (step === "flush" ? 0 : index + 1));
    return numbers.filter((number) => number > from);
  }

  read(offset: number, length: number): Buffer {
    return readAt(this.#disk, offset, length);
  }

  write(offset: number, bytes: Uint8Array): void {
    writeSync(this.#disk, bytes, 0, bytes.length, offset);
    writeSync(this.#log, bytes, 0, bytes.length, this.#logged);
    this.#step({ offset, length: bytes.length, at: this.#logged });
    this.#logged += bytes.length;
  }

  flush(): void {
    this.#step("flush");
  }

  #step(step: Write | "flush"): void {
    this.#steps.push(step);
    this.#times.push(performance.now());
  }

  /** When a step came, by performance.now(). */
  timeOf(step: number): number {
    return this.#times[step] ?? 0;
  }

  /**
   * Makes the file that a power cut after so many steps would have left.
   * @param at - not less than that of the cut before.
   * @returns number of sectors that were written since the last flush, and of those that are lost.
   */
  async cut(
    at: number,
    survives: Survives,
    target: string,
  ): Promise<{ open: number; lost: number }> {
    const flushed = this.#steps.lastIndexOf("flush", at - 1) + 1;
    for (; this.#applied < flushed; this.#applied++) {
      const step = this.#steps[this.#applied];
      if (step === undefined || step === "flush") continue;
      const { offset, length, at } = step;
      writeSync(this.#past, readAt(this.#log, at, length), 0, length, offset);
    }
    await mustRun("cp", ["--sparse=always", this.#files.past, target]);
    const fd = openSync(target, "r+");
    try {
      const sum = { open: 0, lost: 0 };
      for (const step of this.#steps.slice(flushed, at)) {
        if (step === "flush") continue;
        sum.open += step.length / sectorBytes;
        sum.lost += this.#replay(step, fd, survives);
      }
      return sum;
    } finally {
      closeSync(fd);
    }
  }

  /** @returns number of sectors that did not survive. */
  #replay({ offset, length, at }: Write, fd: number, survives: Survives): number {
    const bytes = readAt(this.#log, at, length);
    let lost = 0;
    for (let from = 0; from < length; from += sectorBytes) {
      if (survives())
        writeSync(fd, bytes, from, Math.min(sectorBytes, length - from), offset + from);
      else lost += 1;
    }
    return lost;
  }

  [Symbol.dispose](): void {
    for (const fd of [this.#disk, this.#log, this.#past]) closeSync(fd);
  }
}

function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(fd, bytes, 0, length, offset);
  return bytes;
}
