/**
 * One request to the daemon whose answer may be hundreds of megabytes, which go somewhere else: HTTP/1.1 on a unix socket
 * as in http-exchange.ts. All of it passes through one block of memory. Blocks of their own, and a stream in between,
 * cost three times as much (decision 0213).
 */
import { connect } from "node:net";
import { type AnswerHead, AnswerReader } from "./http-answer.ts";
import { cutError, formatRequestHead } from "./http-exchange.ts";

export interface PourRequest {
  readonly socketPath: string;
  /** With its query, escaped. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Gets the body of an answer that is no error, piece by piece. A piece changes when its promise is fulfilled. */
  readonly take: (bytes: Uint8Array) => Promise<void>;
}

export interface PouredAnswer extends AnswerHead {
  /** The body of an error. */
  readonly body: Buffer;
}

/** As much as a unix socket holds. */
const blockSize = 256 * 1024;

/**
 * Sends a GET.
 * @returns when all of the answer is there and taken.
 * @throws errors of the connection, as node:net has them; ECONNRESET when the answer is not whole; what `take` throws.
 */
export async function pour(request: PourRequest): Promise<PouredAnswer> {
  const { socketPath, take } = request;
  const { promise, resolve, reject } = Promise.withResolvers<PouredAnswer>();
  let head: AnswerHead = { status: 0, headers: new Map() };
  const error: Buffer[] = [];
  let pieces: Promise<void>[] = [];
  const reader = new AnswerReader({
    onHead: (each) => {
      head = each;
    },
    onData: (bytes) => {
      if (head.status < 300) pieces.push(take(bytes));
      else error.push(Buffer.from(bytes));
    },
    onEnd: () => undefined,
  });
  const handOver = async (bytes: Buffer): Promise<void> => {
    reader.feed(bytes);
    await Promise.all(pieces);
    pieces = [];
    if (reader.isOver) resolve({ ...head, body: Buffer.concat(error) });
    else socket.resume();
  };
  const onread = {
    buffer: Buffer.allocUnsafeSlow(blockSize),
    callback: (size: number, block: Uint8Array): boolean => {
      handOver(Buffer.from(block.buffer, block.byteOffset, size)).catch(reject);
      // Nothing is read until all of it is taken.
      return false;
    },
  };
  const socket = connect({ path: socketPath, onread });
  socket.once("error", reject);
  socket.once("close", () => reject(cutError()));
  socket.write(`${formatRequestHead({ ...request, method: "GET" })}\r\n`);
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
