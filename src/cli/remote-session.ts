/**
 * Exec, attach and connections to ports over a WebSocket: the client's half of Kubernetes' v5.channel.k8s.io.
 *
 *   every binary message = one channel byte + data
 *   0 stdin   1 stdout   2 stderr   3 Status JSON of the end   4 {"Width","Height"}   255 close channel n
 *
 * The far side never sees our terminal: bytes pass through pipes here, the terminal inside is a
 * pty of the container. Source: kubernetes KEP-4006, apimachinery pkg/util/remotecommand.
 */
import type { Readable } from "node:stream";
import { PodError } from "../base/errors.ts";
import type { Query } from "../base/format-query.ts";
import { type ApiClient, statusError } from "./api-client.ts";
import { ClientSocket } from "./web-socket.ts";

const protocol = "v5.channel.k8s.io";
const channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4, close: 255 } as const;

interface Target {
  write(chunk: Uint8Array): boolean;
  once(event: "drain", run: () => void): unknown;
}

export interface RemoteStreams {
  readonly stdin?: Readable;
  readonly stdout: Target;
  readonly stderr: Target;
  /** Called with a function that tells the far side the terminal's size. */
  readonly onOpen?: (resize: (columns: number, rows: number) => void) => void;
  /** The far side's stdout has ended and the session goes on: half of a connection. */
  readonly onOutputEnd?: () => void;
  /** Nobody wants the session any more: it ends as if the connection had broken. */
  readonly signal?: AbortSignal;
}

/**
 * Runs a session to its end.
 * @returns the exit code of the command: 0..255.
 * @throws PodError of the daemon; Unavailable when the connection breaks.
 */
export async function runRemoteSession(
  client: ApiClient,
  path: string,
  query: Query,
  streams: RemoteStreams,
): Promise<number> {
  const socket = await ClientSocket.open(client, path, query, protocol);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let exitCode: number | undefined;
  const onMessage = (message: Buffer): void => {
    const content = message.subarray(1);
    switch (message[0]) {
      case channel.stdout:
        pass(socket, streams.stdout, content);
        break;
      case channel.stderr:
        pass(socket, streams.stderr, content);
        break;
      case channel.status:
        try {
          exitCode = exitCodeOfStatus(content.toString("utf8"));
        } catch (error) {
          reject(error);
        }
        break;
      case channel.close:
        if (content[0] === channel.stdout) streams.onOutputEnd?.();
        break;
      default:
        // Channels of later versions: nothing that this client asked for.
        break;
    }
  };
  const onEnd = (cause?: Error): void => {
    if (exitCode !== undefined && cause === undefined) {
      resolve(exitCode);
      return;
    }
    const why = cause?.message ?? "the daemon closed the connection";
    reject(new PodError("Unavailable", `Lost the session: ${why}`, { cause }));
  };
  const abort = (): void => socket.terminate();
  streams.signal?.addEventListener("abort", abort, { once: true });
  if (streams.signal?.aborted) abort();
  socket.listen({ onMessage, onEnd });
  streams.onOpen?.((columns, rows) => {
    send(socket, channel.resize, Buffer.from(JSON.stringify({ Width: columns, Height: rows })));
  });
  const stopInput = streams.stdin === undefined ? undefined : feed(socket, streams.stdin);
  try {
    return await promise;
  } finally {
    stopInput?.();
    streams.signal?.removeEventListener("abort", abort);
    socket.terminate();
  }
}

/** The exit code in the Status of channel 3. @throws PodError when the command could not run. */
export function exitCodeOfStatus(text: string): number {
  const status = JSON.parse(text) as {
    readonly status?: string;
    readonly reason?: string;
    readonly details?: {
      readonly causes?: readonly { readonly reason?: string; readonly message?: string }[];
    };
  };
  if (status.status === "Success") return 0;
  if (status.reason === "NonZeroExitCode") {
    const cause = status.details?.causes?.find(({ reason }) => reason === "ExitCode");
    const code = Number(cause?.message);
    if (Number.isInteger(code)) return Math.min(255, Math.max(0, code));
  }
  throw statusError(text, 500);
}

function send(socket: ClientSocket, number: number, content: Uint8Array, sent?: () => void): void {
  socket.send([Buffer.of(number), content], sent);
}

/** Writes to a slow reader stop the far side instead of filling memory. */
function pass(socket: ClientSocket, target: Target, content: Buffer): void {
  if (content.length === 0 || target.write(content)) return;
  socket.pause();
  target.once("drain", () => socket.resume());
}

/** @returns a function that stops reading. */
function feed(socket: ClientSocket, stdin: Readable): () => void {
  const onData = (chunk: Buffer): void => {
    stdin.pause();
    send(socket, channel.stdin, chunk, () => stdin.resume());
  };
  const onEnd = (): void => send(socket, channel.close, Buffer.of(channel.stdin));
  stdin.on("data", onData);
  stdin.once("end", onEnd);
  return () => {
    stdin.off("data", onData);
    stdin.off("end", onEnd);
    stdin.pause();
  };
}
