/**
 * Answers that are sent as they come into being. Never more than one chunk waits for a client that
 * does not read: the source is asked for the next one when the kernel has taken the last.
 */
import type { ServerResponse } from "node:http";

/** Writes one chunk and waits while the client is slow; returns early when it has gone. */
export async function writeChunk(
  response: ServerResponse,
  chunk: string | Uint8Array,
): Promise<void> {
  if (response.destroyed || response.write(chunk)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.on("drain", done);
    response.on("close", done);
  });
}

/** Writes one chunk and waits until the kernel has all of it: its bytes may change then. Returns early when the client has gone. */
async function handOver(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off("close", done);
      resolve();
    };
    response.on("close", done);
    response.write(chunk, done);
  });
}

/**
 * Sends an iterable as the body; its chunks may share their memory, one after the other. An error before the first
 * chunk is thrown and can still become a Status; a later one cuts the connection, so that the client does not take a
 * part for the whole.
 */
export async function sendStream(
  response: ServerResponse,
  type: string,
  source: AsyncIterable<Uint8Array>,
): Promise<void> {
  const chunks = source[Symbol.asyncIterator]();
  try {
    let next = await chunks.next();
    response.writeHead(200, { "content-type": type });
    response.flushHeaders();
    while (!next.done && !response.destroyed) {
      await handOver(response, next.value);
      next = await chunks.next();
    }
    response.end();
  } finally {
    await chunks.return?.();
  }
}
