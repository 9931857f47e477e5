/**
 * Room that the store keeps for itself on the disk: a file beside it, of which a part is given back to the file system
 * for each write that found the disk full. So what is there can be changed and deleted when nothing can be added, and
 * a deletion makes room again. In parts, because whoever filled the disk takes what it can get.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  openSync,
  rmSync,
  statfsSync,
  statSync,
  truncateSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";

/** More than a transaction writes: it has some pages of 4 KiB. */
const partBytes = 256 << 10;
const wholeBytes = 16 * partBytes;

/** The disk has much more room than the file takes. */
const plentyBytes = 16 * wholeBytes;

export class Reserve {
  readonly #path: string;
  #isWhole = false;

  constructor(path: string) {
    this.#path = path;
  }

  /** Makes it whole again where there is plenty of room; a disk that does not take it is asked again the next time. */
  refill(): void {
    if (this.#isWhole) return;
    try {
      const { bavail, bsize } = statfsSync(dirname(this.#path));
      if (bavail * bsize < plentyBytes) return;
      this.#fill();
      this.#isWhole = true;
    } catch {
      // Of any kind: there is less to give back then, and who writes something else is told why.
    }
  }

  #fill(): void {
    // Not zeros: some file systems store nothing for them.
    const part = randomBytes(partBytes);
    const fd = openSync(this.#path, "a", 0o600);
    try {
      for (let size = this.#size(); size < wholeBytes; size += writeSync(fd, part));
    } finally {
      closeSync(fd);
    }
  }

  /** Gives a part back. @returns false when nothing is left. */
  release(): boolean {
    this.#isWhole = false;
    const size = this.#size();
    if (size === 0) return false;
    if (size <= partBytes) rmSync(this.#path);
    else truncateSync(this.#path, size - partBytes);
    return true;
  }

  #size(): number {
    return statSync(this.#path, { throwIfNoEntry: false })?.size ?? 0;
  }
}
