/**
 * Reads a descriptor to its end, one read ahead of the consumer. Two buffers take turns, because
 * fresh memory for every chunk costs page faults and garbage: a chunk is good until the next one is
 * asked for, and may be changed.
 */
import { read } from "node:fs";

export async function* readChunks(fd: number, chunkSize: number): AsyncGenerator<Buffer> {
  let buffer = Buffer.allocUnsafeSlow(chunkSize);
  let other = Buffer.allocUnsafeSlow(chunkSize);
  let count = await readInto(fd, buffer);
  while (count > 0) {
    const next = readInto(fd, other);
    // Seen by the await below; this keeps an early failure from being "unhandled".
    next.catch(() => undefined);
    yield buffer.subarray(0, count);
    count = await next;
    [buffer, other] = [other, buffer];
  }
}

/** Reads where the file stands. */
function readInto(fd: number, buffer: Buffer): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  read(fd, buffer, 0, buffer.length, null, (error, count) => {
    if (error) reject(error);
    else resolve(count);
  });
  return promise;
}
