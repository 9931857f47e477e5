/**
 * An exec or attach session over WebSocket, subprotocol v5.channel.k8s.io or v4: the first byte of each
 * message is the channel.
 *
 *   0 stdin →   1 ← stdout   2 ← stderr   3 ← Status, the last message
 *   4 resize → {"Width": columns, "Height": rows}             255 close → one byte: the channel
 *   255 ← of a connection to a port: one byte: stdout, which has ended before the rest
 *
 * Back-pressure both ways: output is read from the session while little of it waits for the client,
 * input is read from the client when the session has taken it.
 * Source: Kubernetes KEP-4006, apimachinery's remotecommand constants.
 */

import type { Readable } from "node:stream";
import type { RawData, WebSocket } from "ws";
import type { Clock } from "../base/clock.ts";
import type { AttachOptions, Session } from "./backend.ts";
import { type Status, statusOf } from "./problem.ts";

/** What we speak, best first. v4 lacks the message that closes a channel. */
export const channelProtocols: readonly string[] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** A write to a client that has gone fails: the ping finds it also while we read nothing. */
const pingIntervalMs = 30_000;

/** Bytes of output that wait for a client at most, and one message. */
const bufferLimit = 256 * 1024;

// WebSocket close codes, RFC 6455 section 7.4.1.
const normalClosure = 1000;
const protocolError = 1002;

/**
 * Serves one session until the process ends or the client goes away.
 * @param start - begins the session; its failure is told to the client on channel 3.
 */
export async function serveSession(
  socket: WebSocket,
  options: AttachOptions,
  clock: Clock,
  start: () => Promise<Session>,
): Promise<void> {
  // What the client sends now stays in the kernel until there is somebody to take it.
  socket.pause();
  const { promise: gone, resolve } = Promise.withResolvers<"gone">();
  socket.once("close", () => resolve("gone"));
  // Always followed by "close".
  socket.on("error", () => undefined);
  let session: Session;
  try {
    session = await start();
  } catch (error) {
    await finish(socket, statusOf(error));
    return;
  }
  const stopPings = keepPinging(socket, clock);
  try {
    const outcome = await Promise.race([gone, runSession(socket, session, options)]);
    if (outcome !== "gone") await finish(socket, outcome);
  } catch (error) {
    await finish(socket, statusOf(error));
  } finally {
    stopPings();
    session.close();
  }
}

async function runSession(
  socket: WebSocket,
  session: Session,
  options: AttachOptions,
): Promise<Status> {
  // EPIPE: the process has closed its input; its output still counts.
  session.stdin.on("error", () => undefined);
  socket.on("message", (data) => receive(socket, session, options, bytesOf(data)));
  socket.resume();
  const output = Promise.all([
    sendOutput(socket, channels.stdout, session.stdout, options.stdout).then(async () => {
      if (options.tellsEnd === true) await send(socket, channels.close, Buffer.of(channels.stdout));
    }),
    sendOutput(socket, channels.stderr, session.stderr, options.stderr),
  ]);
  const [exit] = await Promise.all([session.exit, output]);
  return exitStatus(exit);
}

async function sendOutput(
  socket: WebSocket,
  channel: number,
  source: Readable,
  isWanted: boolean,
): Promise<void> {
  for await (const chunk of source) {
    if (isWanted) await send(socket, channel, chunk as Uint8Array);
  }
}

/** Resolves when there is room for more, or the connection has ended. */
async function send(socket: WebSocket, channel: number, content: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const message = Buffer.concat([Buffer.of(channel), content]);
  socket.send(message, { binary: true }, () => resolve());
  if (socket.bufferedAmount > bufferLimit) await promise;
}

async function finish(socket: WebSocket, status: Status): Promise<void> {
  await send(socket, channels.error, Buffer.from(JSON.stringify(status)));
  // The client's close frame can only arrive when we read.
  socket.resume();
  socket.close(normalClosure);
}

function receive(
  socket: WebSocket,
  session: Session,
  options: AttachOptions,
  message: Buffer,
): void {
  const content = message.subarray(1);
  switch (message[0]) {
    case channels.stdin:
      if (options.stdin) writeInput(socket, session, content);
      else refuse(socket, "stdin was not asked for");
      break;
    case channels.resize:
      resize(socket, session, content);
      break;
    case channels.close:
      if (content[0] === channels.stdin) session.stdin.end();
      break;
    default:
      refuse(socket, "unknown channel");
  }
}

function writeInput(socket: WebSocket, session: Session, content: Buffer): void {
  const { stdin } = session;
  if (content.length === 0 || stdin.writableEnded || stdin.destroyed) return;
  if (stdin.write(content)) return;
  socket.pause();
  const resume = (): void => {
    stdin.off("drain", resume);
    stdin.off("close", resume);
    socket.resume();
  };
  stdin.on("drain", resume);
  stdin.on("close", resume);
}

function resize(socket: WebSocket, session: Session, content: Buffer): void {
  const size = parseSize(content);
  if (size === undefined) refuse(socket, "malformed resize");
  // Terminals that do not know their size say 0.
  else if (size.columns > 0 && size.rows > 0) session.resize(size.columns, size.rows);
}

/** The size of a terminal as clients write it; undefined when it is none. */
export function parseSize(content: Buffer): { columns: number; rows: number } | undefined {
  let value: { readonly Width?: unknown; readonly Height?: unknown } | null;
  try {
    value = JSON.parse(content.toString()) as typeof value;
  } catch {
    return undefined; // SyntaxError
  }
  const [columns, rows] = [value?.Width, value?.Height];
  return isSize(columns) && isSize(rows) ? { columns, rows } : undefined;
}

/** The kernel's struct winsize has 16 bits. */
function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 65_535;
}

function refuse(socket: WebSocket, reason: string): void {
  socket.close(protocolError, reason);
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

/** The last word of a session. */
export function exitStatus({ exitCode, signal }: Awaited<Session["exit"]>): Status {
  const head = { kind: "Status", apiVersion: "v1", metadata: {} } as const;
  if (exitCode === 0) return { ...head, status: "Success" };
  return {
    ...head,
    status: "Failure",
    reason: "NonZeroExitCode",
    message:
      signal === 0
        ? `Command ended with exit code ${exitCode}`
        : `Command was killed by signal ${signal}`,
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}

function keepPinging(socket: WebSocket, clock: Clock): () => void {
  const ping = (): void => {
    if (socket.readyState === socket.OPEN) socket.ping();
    cancel = clock.after(pingIntervalMs, ping);
  };
  let cancel = clock.after(pingIntervalMs, ping);
  return () => cancel();
}
