/**
 * Reads a descriptor to its end into one buffer, because fresh memory for every chunk costs page
 * faults and garbage: a chunk is good until the next one is asked for, and may be changed.
 *
 * The reading is done by the thread that consumes it: another one would bring the bytes into
 * another processor's cache, which costs more than the read (decision 0306).
 */
import { readSync } from "node:fs";

/** A half of the smallest second-level cache, for the chunk and what is made of it. */
const chunkSize = 256 << 10;

/** @param beyond - how many bytes may be read from a position on; 0 ends. Default: any number. */
export async function* readChunks(
  fd: number,
  beyond?: (position: number) => number | Promise<number>,
): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(chunkSize);
  for (let position = 0; ; ) {
    const most = beyond === undefined ? chunkSize : await beyond(position);
    if (most === 0) return;
    const count = readSync(fd, buffer, 0, Math.min(most, chunkSize), null);
    if (count === 0) return;
    position += count;
    yield buffer.subarray(0, count);
  }
}
