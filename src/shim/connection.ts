/**
 * One connection to a shim: connects, says HELLO, hands frames to its owner. Used by ShimClient
 * and by every session. Frames come in the order in which the shim sent them.
 */
import { closeSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { hasCode, PodError } from "../base/errors.ts";
import {
  decodeHello,
  encodeFrame,
  encodeHello,
  type Frame,
  FrameDecoder,
  frameTypes,
} from "./protocol.ts";

export interface ConnectionHandlers {
  onFrame(frame: Frame): void;
  /** Once, after the last frame; `error` when it did not just end. */
  onClose(error: Error | undefined): void;
}

export class Connection {
  readonly shimPid: number;
  readonly socket: Socket;

  private constructor(socket: Socket, shimPid: number) {
    this.socket = socket;
    this.shimPid = shimPid;
  }

  /**
   * @param folder - the pod's run folder; only root can have made the socket below it.
   * @param launchedPid - of a shim that this daemon has just launched: it is of our version, and reads what follows
   * HELLO as soon as it has begun, so its answer is not waited for. A close tells if it never comes.
   * @throws PodError Unavailable when no shim listens there.
   */
  static async open(
    folder: string,
    handlers: ConnectionHandlers,
    launchedPid?: number,
  ): Promise<Connection> {
    const socket = await connectIn(folder);
    const decoder = new FrameDecoder();
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    let isGreeted = false;
    let failure: Error | undefined;
    const onFrame = (frame: Frame): void => {
      if (isGreeted) {
        handlers.onFrame(frame);
        return;
      }
      resolve(decodeHello(frame));
      isGreeted = true;
    };
    socket.on("data", (piece: Buffer) => {
      try {
        for (const frame of decoder.push(piece)) onFrame(frame);
      } catch (error) {
        // Damaged frames: nothing that follows could be understood.
        socket.destroy(error instanceof Error ? error : undefined);
      }
    });
    socket.on("error", (error) => {
      failure = error;
    });
    socket.on("close", () => {
      if (isGreeted || launchedPid !== undefined) handlers.onClose(failure);
      else reject(failure ?? unavailable(folder, "it closed the connection"));
    });
    socket.write(encodeFrame(frameTypes.hello, 0, encodeHello()));
    return new Connection(socket, launchedPid ?? (await promise));
  }

  /** @returns false when the caller should wait for "drain". */
  send(type: number, request: number, payload: Uint8Array): boolean {
    return this.socket.write(encodeFrame(type, request, payload));
  }

  close(): void {
    this.socket.destroy();
  }
}

async function connectIn(folder: string): Promise<Socket> {
  // Through the descriptor: a socket's path has at most 107 bytes, a folder's may be longer.
  let descriptor: number;
  try {
    descriptor = openSync(folder, "r");
  } catch (cause) {
    throw unavailable(folder, hasCode(cause, "ENOENT") ? "the folder is gone" : "", cause);
  }
  const socket = connect(join("/proc/self/fd", String(descriptor), "shim.sock"));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const onError = (cause: Error): void => reject(unavailable(folder, cause.message, cause));
  socket.once("connect", resolve).once("error", onError);
  try {
    await promise;
  } finally {
    closeSync(descriptor);
    socket.off("error", onError);
  }
  return socket;
}

function unavailable(folder: string, why: string, cause?: unknown): PodError {
  const reason = why === "" ? "" : `: ${why}`;
  return new PodError("Unavailable", `Cannot reach the shim in "${folder}"${reason}`, { cause });
}
