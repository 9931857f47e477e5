/** Writes to descriptors that are open already: no path, so nothing for content to influence. */
import { writeSync } from "node:fs";

/** Writes all of a chunk to an open file, at `position` or where the file stands. */
export function writeAll(fd: number, chunk: Buffer, position?: number): void {
  let done = 0;
  while (done < chunk.length) {
    const at = position === undefined ? null : position + done;
    done += writeSync(fd, chunk, done, chunk.length - done, at);
  }
}
