/**
 * Reads a descriptor to its end, one read ahead of the consumer. Two buffers take turns, because
 * fresh memory for every chunk costs page faults and garbage: a chunk is good until the next one is
 * asked for, and may be changed.
 */
import { read } from "node:fs";

/** @param beyond - how many bytes may be read from a position on; 0 ends. Default: any number. */
export async function* readChunks(
  fd: number,
  chunkSize: number,
  beyond?: (position: number) => number | Promise<number>,
): AsyncGenerator<Buffer> {
  let position = 0;
  const readInto = async (into: Buffer): Promise<number> => {
    const most = beyond === undefined ? into.length : await beyond(position);
    if (most === 0) return 0;
    const count = await readHere(fd, into.subarray(0, most));
    position += count;
    return count;
  };
  let buffer = Buffer.allocUnsafeSlow(chunkSize);
  let other = Buffer.allocUnsafeSlow(chunkSize);
  let count = await readInto(buffer);
  while (count > 0) {
    const next = readInto(other);
    // Seen by the await below; this keeps an early failure from being "unhandled".
    next.catch(() => undefined);
    yield buffer.subarray(0, count);
    count = await next;
    [buffer, other] = [other, buffer];
  }
}

/** Reads where the file stands. */
function readHere(fd: number, buffer: Buffer): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  read(fd, buffer, 0, buffer.length, null, (error, count) => {
    if (error) reject(error);
    else resolve(count);
  });
  return promise;
}
