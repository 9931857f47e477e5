/**
 * The daemon's side of a shim's control connection: requests, their answers, and the exits that
 * the shim reports. It may be closed and opened again at any time; what ended in between is in
 * `list()` until `forget()`, and in `exits/` even when the shim is gone.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { hasCode, isPodError, PodError } from "../base/errors.ts";
import { decodeResult, type Run } from "../sys/ffi.ts";
import type { Program } from "../sys/program.ts";
import { Connection } from "./connection.ts";
import { failureOf, type ProcessPrograms } from "./failure.ts";
import {
  decodeExitFile,
  decodeProcess,
  decodeProcesses,
  decodeReply,
  type ExitRecord,
  encodeId,
  encodeSignal,
  encodeStart,
  type Frame,
  frameTypes,
  processesPerReply,
  type Reply,
  resultSize,
  type ShimProcess,
} from "./protocol.ts";

export type { ProcessPrograms } from "./failure.ts";
export type { ExitRecord, ShimProcess } from "./protocol.ts";

export interface StartRequest {
  /** 1 to 127 characters of A-Z a-z 0-9 . _ -, no dot in front; e.g. 64 hex digits or "reaper". */
  readonly id: string;
  readonly programs: ProcessPrograms;
  /** CLONE_NEW* of the process. */
  readonly cloneFlags: number;
  /** Absolute path of the cgroup directory; "" starts it in the shim's own. */
  readonly cgroup: string;
  /** A running process whose pidfd becomes register 3 and whose devpts becomes register 4. */
  readonly target?: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Stdin ends when the first client that attached to it goes. */
  readonly stdinOnce: boolean;
  /** Absent: output goes to /dev/null. `maxBytes` 0 = no rotation; `maxFiles` counts the current one. */
  readonly log?: { readonly path: string; readonly maxBytes: number; readonly maxFiles: number };
}

export interface ShimHandlers {
  /** A process has ended: its log is complete and its record on disk. */
  onExit(exit: ExitRecord): void;
  /** The shim is gone or has closed the connection. Not called after `[Symbol.asyncDispose]()`. */
  onClose(): void;
}

interface ClientState {
  /** Requests without an answer by number; called with undefined when the connection closes. */
  readonly waiting: Map<number, (reply: Reply | undefined) => void>;
  isClosed: boolean;
}

export class ShimClient implements AsyncDisposable {
  readonly shimPid: number;
  readonly #connection: Connection;
  readonly #state: ClientState;
  #lastRequest = 0;

  private constructor(connection: Connection, state: ClientState) {
    this.#connection = connection;
    this.#state = state;
    this.shimPid = connection.shimPid;
  }

  /**
   * @param folder - `<run>/pods/<uid>`.
   * @param launchedPid - of a shim that was launched just now; absent: it may be that of an earlier daemon.
   * @throws PodError Unavailable when no shim listens, FailedPrecondition when it is of another version.
   */
  static async connect(
    folder: string,
    handlers: ShimHandlers,
    launchedPid?: number,
  ): Promise<ShimClient> {
    const state: ClientState = { waiting: new Map(), isClosed: false };
    const onFrame = (frame: Frame): void => {
      if (frame.type === frameTypes.reply) {
        state.waiting.get(frame.request)?.(decodeReply(frame.payload));
      } else if (frame.type === frameTypes.exited) {
        const { exit } = decodeProcess(frame.payload);
        if (exit && !state.isClosed) handlers.onExit(exit);
      }
    };
    const onClose = (): void => {
      const isAsked = state.isClosed;
      state.isClosed = true;
      for (const settle of [...state.waiting.values()]) settle(undefined);
      if (!isAsked) handlers.onClose();
    };
    const connection = await Connection.open(folder, { onFrame, onClose }, launchedPid);
    return new ShimClient(connection, state);
  }

  /**
   * Starts a process.
   * @param action - the head of the error sentence, e.g. `Cannot start container "web"`.
   * @throws SyscallError with the origin when an operation of the programs fails; PodError otherwise.
   */
  async start(action: string, request: StartRequest): Promise<{ readonly pid: number }> {
    const { prelude, program, postlude } = request.programs;
    const payload = encodeStart({
      ...request,
      prelude: prelude?.encode(),
      program: program.encode(),
      postlude: postlude?.encode(),
    });
    const { pid } = await this.#ask(action, frameTypes.start, payload, request.programs);
    return { pid };
  }

  /** Runs a program in the shim itself, in the pod's namespaces. @throws SyscallError */
  async run(action: string, program: Program): Promise<Run> {
    const { rest } = await this.#ask(action, frameTypes.run, program.encode(), { program });
    return { ...decodeResult(rest), encoded: rest.subarray(resultSize) };
  }

  /** @throws PodError NotFound when it has exited or was never started. */
  async signal(id: string, signal: number): Promise<void> {
    const action = `Cannot send signal ${signal} to "${id}"`;
    await this.#ask(action, frameTypes.signal, encodeSignal(id, signal));
  }

  /** Running processes, and exited ones until they are forgotten; no exec sessions. */
  async list(): Promise<readonly ShimProcess[]> {
    const action = "Cannot list the processes of a shim";
    const found: ShimProcess[] = [];
    const isLast = (reply: Reply): boolean => {
      const processes = decodeProcesses(reply.rest);
      found.push(...processes);
      return processes.length < processesPerReply;
    };
    await this.#ask(action, frameTypes.list, Buffer.alloc(0), undefined, isLast);
    return found;
  }

  /**
   * Drops the exit record and all that was kept of the process. Unknown ids are fine, and so is a shim that is gone:
   * its end is told by `onClose`.
   */
  async forget(id: string): Promise<void> {
    try {
      await this.#ask(`Cannot forget process "${id}"`, frameTypes.forget, encodeId(id));
    } catch (error) {
      if (!isPodError(error, "NotFound") && !isPodError(error, "Unavailable")) throw error;
    }
  }

  /** Ends the shim. @throws PodError FailedPrecondition while a process is running. */
  async shutdown(): Promise<void> {
    await this.#ask("Cannot end the shim", frameTypes.shutdown, Buffer.alloc(0));
  }

  /** Closes the connection; the shim and its processes go on. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state.isClosed) return;
    this.#state.isClosed = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#connection.socket.once("close", () => resolve());
    this.#connection.close();
    await promise;
  }

  async #ask(
    action: string,
    type: number,
    payload: Buffer,
    programs?: ProcessPrograms,
    isLast: (reply: Reply) => boolean = () => true,
  ): Promise<Reply> {
    if (this.#state.isClosed) throw gone(action);
    this.#lastRequest = (this.#lastRequest + 1) >>> 0;
    const request = this.#lastRequest;
    const { promise, resolve, reject } = Promise.withResolvers<Reply>();
    this.#state.waiting.set(request, (reply) => {
      try {
        if (reply === undefined) reject(gone(action));
        else if (reply.errno !== 0) reject(failureOf(action, reply, programs));
        else if (!isLast(reply)) return;
        else resolve(reply);
      } catch (error) {
        reject(error);
      }
      this.#state.waiting.delete(request);
    });
    try {
      this.#connection.send(type, request, payload);
    } catch (error) {
      this.#state.waiting.delete(request);
      throw error;
    }
    return await promise;
  }
}

function gone(action: string): PodError {
  return new PodError("Unavailable", `${action}: the connection to the shim is closed`);
}

/**
 * The exits that a shim recorded, read without it: for a shim that was killed.
 * @param folder - `<run>/pods/<uid>`. Torn files and those of another version are left out.
 */
export function readExitRecords(folder: string): ExitRecord[] {
  const exits = join(folder, "exits");
  let names: string[];
  try {
    names = readdirSync(exits);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
  const records = names.map((name) => decodeExitFile(readFileSync(join(exits, name))));
  return records.filter((each) => each !== undefined);
}
