/**
 * A session on another node: the client's half of v5.channel.k8s.io as the streams that apiserver/channel-socket.ts
 * serves to its own client.
 *
 *   0 stdin →   1 ← stdout   2 ← stderr   3 ← Status of the end   4 → size of the terminal   255 a channel ends
 *
 * Source: Kubernetes KEP-4006, apimachinery's remotecommand constants.
 */
import { Duplex, Readable, Writable } from "node:stream";
import type { RawData, WebSocket } from "ws";
import { statusError } from "../agent/kubernetes-client.ts";
import type { Session } from "../apiserver/backend.ts";
import { PodError } from "../base/errors.ts";

const channels = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;

interface Status {
  readonly status?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: {
    readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
  };
}

/** @param socket - open and paused: what came with the answer waits. */
export function sessionOf(socket: WebSocket): Session {
  const { promise: exit, resolve, reject } = Promise.withResolvers<Awaited<Session["exit"]>>();
  exit.catch(() => undefined);
  const send = (channel: number, content: Uint8Array, sent?: () => void): void => {
    if (socket.readyState === socket.OPEN) {
      socket.send(Buffer.concat([Buffer.of(channel), content]), () => sent?.());
    } else sent?.();
  };
  const output = (): Readable => new Readable({ read: () => socket.resume() });
  const [stdout, stderr] = [output(), output()];
  const stdin = new Writable({
    write: (chunk: Buffer, _, done) => send(channels.stdin, chunk, done),
    final: (done) => send(channels.close, Buffer.of(channels.stdin), done),
  });
  const take = (stream: Readable, content: Buffer): void => {
    // A push after the end would be an error of the far side, and crash us.
    if (content.length > 0 && !stream.readableEnded && !stream.push(content)) socket.pause();
  };
  const ended = new Set<Readable>();
  const end = (stream: Readable): void => {
    if (!ended.has(stream)) stream.push(null);
    ended.add(stream);
  };
  socket.on("message", (data: RawData) => {
    const message = bytesOf(data);
    const content = message.subarray(1);
    if (message[0] === channels.stdout && !ended.has(stdout)) take(stdout, content);
    if (message[0] === channels.stderr && !ended.has(stderr)) take(stderr, content);
    if (message[0] === channels.close && content[0] === channels.stdout) end(stdout);
    if (message[0] === channels.status) {
      try {
        resolve(exitOf(content.toString()));
      } catch (error) {
        reject(error);
      }
    }
  });
  // Always followed by "close".
  socket.on("error", () => undefined);
  socket.once("close", () => {
    reject(new PodError("Unavailable", "Lost the node: it closed the connection"));
    end(stdout);
    end(stderr);
  });
  socket.resume();
  return {
    stdin,
    stdout,
    stderr,
    resize: (columns, rows) =>
      send(channels.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows }))),
    exit,
    close: () => socket.terminate(),
  };
}

/** A connection to a port as one stream; each half ends alone. */
export function connectionOf(session: Session): Duplex {
  const connection = Duplex.from({ readable: session.stdout, writable: session.stdin });
  connection.allowHalfOpen = true;
  session.stderr.resume();
  session.exit.catch((error: Error) => connection.destroy(error));
  connection.once("close", () => session.close());
  connection.on("error", () => undefined);
  return connection;
}

/** What the last message says. @throws PodError when the command could not run. */
function exitOf(text: string): Awaited<Session["exit"]> {
  const status = JSON.parse(text) as Status;
  if (status.status === "Success") return { exitCode: 0, signal: 0 };
  const cause = status.details?.causes?.find(({ reason }) => reason === "ExitCode");
  const exitCode = Number(cause?.message);
  if (status.reason === "NonZeroExitCode" && Number.isInteger(exitCode)) {
    return { exitCode, signal: 0 };
  }
  throw statusError(text, status.code ?? 500);
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
