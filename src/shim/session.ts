/**
 * Exec and attach sessions. Each has a connection of its own, so that back-pressure is the
 * socket's: while nobody reads `stdout` or `stderr`, nothing is read from the socket, and the shim
 * reads no more from the process (exec) or drops the client after 1 MiB (attach).
 *
 * Both outputs share the connection: whoever reads only one of them stalls the other.
 */
import { Readable, Writable } from "node:stream";
import { PodError } from "../base/errors.ts";
import { Connection } from "./connection.ts";
import { failureOf, type ProcessPrograms } from "./failure.ts";
import {
  decodeExit,
  decodeReply,
  encodeAttach,
  encodeResize,
  encodeStart,
  type Frame,
  frameTypes,
  type Reply,
} from "./protocol.ts";

export interface ExecRequest {
  readonly kind: "exec";
  /** Id of the new process, unique in the pod: `ShimClient.signal()` takes it. */
  readonly id: string;
  readonly programs: ProcessPrograms;
  readonly cloneFlags: number;
  readonly cgroup: string;
  /** Id of the container that it joins. */
  readonly target: string;
  readonly tty: boolean;
  readonly stdin: boolean;
}

export interface AttachRequest {
  readonly kind: "attach";
  readonly target: string;
  readonly stdin: boolean;
}

export type SessionRequest = ExecRequest | AttachRequest;

export interface Session {
  /** Ends the process's stdin when it ends; without stdin in the request, what is written is lost. */
  readonly stdin: Writable;
  /** With a tty everything comes here. Output of an attach begins with the attach. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Without a tty nothing happens. */
  resize(columns: number, rows: number): void;
  /** After all output. Rejects with Unavailable when the connection breaks before. */
  readonly exit: Promise<{ exitCode: number; signal: number }>;
  /** Leaves: stdin of an exec ends, its terminal is hung up, its further output is thrown away. */
  close(): void;
}

/** Bytes of stdin per frame: the shim holds one frame per session in memory. */
const chunkSize = 64 * 1024;

/**
 * @param folder - `<run>/pods/<uid>`. @param action - the head of the error sentence.
 * @throws SyscallError when an operation of the programs fails; PodError NotFound when the target
 * is not running, Unavailable when the shim is not there.
 */
export async function openSession(
  folder: string,
  action: string,
  request: SessionRequest,
): Promise<Session> {
  const session = new ShimSession(action);
  await session.open(folder, request);
  return session;
}

class ShimSession implements Session {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  readonly exit: Promise<{ exitCode: number; signal: number }>;
  readonly #action: string;
  readonly #exit: PromiseWithResolvers<{ exitCode: number; signal: number }>;
  readonly #reply: PromiseWithResolvers<Reply>;
  #connection: Connection | undefined;
  #hasExited = false;
  /** Outputs whose buffer is full; the socket is not read while there is one. */
  readonly #full = new Set<Readable>();

  constructor(action: string) {
    this.#action = action;
    this.#exit = Promise.withResolvers();
    this.#reply = Promise.withResolvers();
    this.exit = this.#exit.promise;
    // Its owner may not be interested; a broken connection is no crash then.
    this.exit.catch(() => undefined);
    this.#reply.promise.catch(() => undefined);
    this.stdout = this.#output();
    this.stderr = this.#output();
    this.stdin = new Writable({
      highWaterMark: chunkSize,
      write: (chunk: Buffer, _encoding, done) => this.#writeInput(chunk, done),
      final: (done) => {
        this.#send(frameTypes.stdinClose, Buffer.alloc(0));
        done();
      },
    });
    // Writing after the end of the process is no error of the writer.
    this.stdin.on("error", () => undefined);
  }

  async open(folder: string, request: SessionRequest): Promise<void> {
    this.#connection = await Connection.open(folder, {
      onFrame: (frame) => this.#onFrame(frame),
      onClose: (error) => this.#onClose(error),
    });
    try {
      this.#connection.send(...openingFrame(request));
      const reply = await this.#reply.promise;
      if (reply.errno !== 0) {
        throw failureOf(
          this.#action,
          reply,
          request.kind === "exec" ? request.programs : undefined,
        );
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  resize(columns: number, rows: number): void {
    this.#send(frameTypes.resize, encodeResize(columns, rows));
  }

  close(): void {
    this.#connection?.close();
  }

  #output(): Readable {
    const output: Readable = new Readable({
      highWaterMark: chunkSize,
      read: () => {
        this.#full.delete(output);
        if (this.#full.size === 0) this.#connection?.socket.resume();
      },
    });
    return output;
  }

  #onFrame(frame: Frame): void {
    switch (frame.type) {
      case frameTypes.reply:
        this.#reply.resolve(decodeReply(frame.payload));
        return;
      case frameTypes.stdout:
        this.#push(this.stdout, frame.payload);
        return;
      case frameTypes.stderr:
        this.#push(this.stderr, frame.payload);
        return;
      case frameTypes.exit:
        this.#hasExited = true;
        this.#endOutputs();
        this.#exit.resolve(decodeExit(frame.payload));
        this.close();
        return;
      default:
        throw new PodError("Internal", `The shim sent frame ${frame.type} into a session`);
    }
  }

  #push(output: Readable, bytes: Buffer): void {
    if (bytes.length === 0 || output.destroyed || output.push(bytes)) return;
    this.#full.add(output);
    this.#connection?.socket.pause();
  }

  #endOutputs(): void {
    this.stdout.push(null);
    this.stderr.push(null);
  }

  #onClose(cause: Error | undefined): void {
    const error = new PodError(
      "Unavailable",
      `${this.#action}: the connection to the shim was closed`,
      cause === undefined ? {} : { cause },
    );
    this.#reply.reject(error);
    this.stdin.destroy();
    if (this.#hasExited) return;
    this.#hasExited = true;
    this.#exit.reject(error);
    this.#endOutputs();
  }

  #writeInput(bytes: Buffer, done: (error?: Error | null) => void): void {
    let isRoom = true;
    for (let at = 0; at < bytes.length; at += chunkSize) {
      isRoom = this.#send(frameTypes.stdin, bytes.subarray(at, at + chunkSize));
    }
    const socket = this.#connection?.socket;
    if (isRoom || socket === undefined || socket.destroyed) done();
    else waitForRoom(socket, done);
  }

  #send(type: number, payload: Uint8Array): boolean {
    const connection = this.#connection;
    if (this.#hasExited || connection === undefined || !connection.socket.writable) return true;
    return connection.send(type, 0, payload);
  }
}

function waitForRoom(socket: Connection["socket"], done: () => void): void {
  const settle = (): void => {
    socket.off("drain", settle).off("close", settle);
    done();
  };
  socket.once("drain", settle).once("close", settle);
}

function openingFrame(request: SessionRequest): [type: number, request: number, payload: Buffer] {
  if (request.kind === "attach") {
    return [frameTypes.attach, 1, encodeAttach(request.target, request.stdin)];
  }
  const { prelude, program, postlude } = request.programs;
  const payload = encodeStart({
    ...request,
    stdinOnce: false,
    prelude: prelude?.encode(),
    program: program.encode(),
    postlude: postlude?.encode(),
  });
  return [frameTypes.exec, 1, payload];
}
