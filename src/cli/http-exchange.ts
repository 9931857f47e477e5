/**
 * One request to the daemon and its answer, on a connection of its own: HTTP/1.1 on a unix socket. Loading and using
 * node:http would be a third of what a command takes before it has its answer (decision 0606).
 */
import { connect, type Socket } from "node:net";
import { Readable, Transform } from "node:stream";
import { invariant } from "../base/assert.ts";
import { type AnswerHead, AnswerReader } from "./http-answer.ts";

export interface HttpRequest {
  readonly socketPath: string;
  readonly method: string;
  /** With its query, escaped. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The body: bytes, or a stream, which is sent in chunks. */
  readonly body?: Buffer | Readable;
  /** Cuts the connection. */
  readonly signal?: AbortSignal | undefined;
}

export interface HttpAnswer extends AnswerHead {
  /** To write to when the answer is 101: it belongs to the other protocol now, and what comes on it is the body. */
  readonly connection: Socket;
  /** Destroy it to cut the connection. Fails with ECONNRESET when the answer is not whole. */
  readonly body: Readable;
}

/**
 * Sends a request.
 * @returns when the head of the answer is there.
 * @throws errors of the connection, as node:net has them; ECONNRESET when it ends before the answer.
 */
export async function exchange(request: HttpRequest): Promise<HttpAnswer> {
  const { socketPath, signal } = request;
  signal?.throwIfAborted();
  const head = formatRequestHead(request);
  const socket = connect({ path: socketPath });
  const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
  const body = new Readable({
    read: () => socket.resume(),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  // Who has no answer yet learns it from the promise; a whole answer stays one, whatever becomes of the connection.
  const fail = (error: Error): void => {
    if (reader.isOver) return;
    reject(error);
    body.on("error", () => undefined).destroy(error);
  };
  const abort = (): void => fail(abortError(signal));
  const reader = new AnswerReader({
    onHead: (head) => resolve({ ...head, connection: socket, body }),
    onData: (bytes) => {
      if (!body.push(bytes)) socket.pause();
    },
    onEnd: () => {
      body.push(null);
      socket.destroy();
    },
  });
  socket.on("data", (bytes: Buffer) => {
    try {
      reader.feed(bytes);
    } catch (error) {
      fail(error instanceof Error ? error : new Error(String(error)));
    }
  });
  socket.once("error", fail);
  socket.once("close", () => {
    signal?.removeEventListener("abort", abort);
    reader.finish();
    fail(cutError());
  });
  signal?.addEventListener("abort", abort, { once: true });
  send(socket, head, request.body, fail);
  return await promise;
}

/** The head of a request, without the empty line that ends it. */
export function formatRequestHead({
  method,
  path,
  headers,
}: Pick<HttpRequest, "method" | "path" | "headers">): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const isClean = !/[\r\n]/.test(Object.values(headers).join("")) && !/\s/.test(method + path);
  invariant(isClean, "paths are escaped, and headers are our own words");
  return `${method} ${path} HTTP/1.1\r\n${lines.join("")}`;
}

function send(
  socket: Socket,
  head: string,
  body: HttpRequest["body"],
  fail: (error: Error) => void,
): void {
  if (body === undefined) {
    socket.write(`${head}\r\n`);
  } else if (Buffer.isBuffer(body)) {
    socket.cork();
    socket.write(`${head}content-length: ${body.length}\r\n\r\n`);
    socket.write(body);
    socket.uncork();
  } else {
    socket.write(`${head}transfer-encoding: chunked\r\n\r\n`);
    body.once("error", fail);
    // The connection stays open for the answer.
    body.pipe(inChunks()).pipe(socket, { end: false });
  }
}

/** RFC 9112, 7.1. An empty chunk would end the body. */
function inChunks(): Transform {
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      if (chunk.length === 0) return done();
      this.push(`${chunk.length.toString(16)}\r\n`);
      this.push(chunk);
      done(null, "\r\n");
    },
    flush(done) {
      done(null, "0\r\n\r\n");
    },
  });
}

/** Of an answer that is not whole. */
export function cutError(): Error {
  return Object.assign(new Error("the connection ended in the middle of an answer"), {
    code: "ECONNRESET",
  });
}

function abortError(signal: AbortSignal | undefined): Error {
  const reason: unknown = signal?.reason;
  return reason instanceof Error ? reason : new Error("aborted");
}
