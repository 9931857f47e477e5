/**
 * What the daemon and a shim say to each other over `shim.sock`; native/shim_protocol.h is the
 * other side. Everything is little endian. A frame:
 *
 *   0        4      6      8         12      16
 *   | size   | type | 0    | request | 0     | payload: size bytes, at most 4 MiB |
 *
 * The first frame on a connection is HELLO, in both directions. EXEC or ATTACH turns the
 * connection into a session that carries the streams of one process; every other one is a control
 * connection and hears EXITED of all processes. START and EXEC carry three programs:
 *
 *   0             8               16              20      24              52
 *   | clone flags | log max bytes | log max files | flags | 7 part sizes  | 0 | parts, each padded to 8 |
 *   parts: id, cgroup, target, log path (texts with one NUL) · prelude, program, postlude
 */
import { PodError } from "../base/errors.ts";
import { registerCount } from "../sys/program.ts";

/**
 * Version of frames and records; the shim refuses any other, and a pod whose shim speaks another one is left alone.
 * An nspod that raises it keeps the old form for the shims that run: connect again with the version they answered.
 */
export const protocolVersion = 1;
/** `data.reason` of the error about a shim of another version. */
export const shimVersion = "ShimVersion";
/** Largest payload in bytes. */
export const maxPayload: number = 4 << 20;

const magic = 0x4d48534e;
const recordMagic = 0x5458454e;
const headerSize = 16;

/** Frame types; enum shim_frame_type. */
export const frameTypes = {
  hello: 1,
  start: 2,
  run: 3,
  signal: 4,
  list: 5,
  forget: 6,
  shutdown: 7,
  exec: 8,
  attach: 9,
  stdin: 10,
  stdinClose: 11,
  resize: 12,
  reply: 64,
  exited: 65,
  stdout: 66,
  stderr: 67,
  exit: 68,
} as const;

/** Where a request failed; enum shim_phase. */
export const phases = ["none", "prelude", "program", "postlude", "step"] as const;
export type Phase = (typeof phases)[number];

/** Steps of the shim itself; enum shim_step. */
export const steps = ["request", "id", "target", "log", "cgroup", "stdio", "exec", "busy"] as const;
export type Step = (typeof steps)[number];

export interface Frame {
  readonly type: number;
  /** Number of the request that it answers; 0 for events and streams. */
  readonly request: number;
  readonly payload: Buffer;
}

/** The end of a process as its shim saw it. */
export interface ExitRecord {
  readonly id: string;
  /** In the host's PID namespace. */
  readonly pid: number;
  /** 0..255; 128 + signal when it was killed. */
  readonly exitCode: number;
  /** Number of the signal that killed it, or 0. */
  readonly signal: number;
  /** Killed by the kernel because its cgroup had no memory left. */
  readonly oomKilled: boolean;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
}

/** A process that a shim knows. */
export interface ShimProcess {
  readonly id: string;
  readonly pid: number;
  readonly startedAtMs: number;
  /** Bytes of output that its log file could not take. */
  readonly logDroppedBytes: number;
  /** Present when it has exited. */
  readonly exit?: ExitRecord;
}

/** Encodes one frame. @param request - 0 where no answer is awaited. */
export function encodeFrame(type: number, request: number, payload: Uint8Array): Buffer {
  if (payload.length > maxPayload) {
    throw new PodError(
      "InvalidArgument",
      `Cannot send ${payload.length} bytes to a shim in one piece: the limit is ${maxPayload}`,
    );
  }
  const frame = Buffer.allocUnsafe(headerSize + payload.length);
  frame.fill(0, 0, headerSize);
  frame.writeUInt32LE(payload.length, 0);
  frame.writeUInt16LE(type, 4);
  frame.writeUInt32LE(request, 8);
  frame.set(payload, headerSize);
  return frame;
}

/** Puts frames together from the pieces in which a socket delivers them. */
export class FrameDecoder {
  #pieces: Buffer[] = [];
  #length = 0;

  /** @throws PodError Internal when the bytes cannot be frames; the connection is of no use then. */
  push(piece: Buffer): Frame[] {
    this.#pieces.push(piece);
    this.#length += piece.length;
    const frames: Frame[] = [];
    for (let size = this.#frameSize(); size !== undefined; size = this.#frameSize()) {
      if (this.#length < size) break;
      frames.push(this.#take(size));
    }
    return frames;
  }

  /** Size of the frame at the front with its header; undefined until the header is here. */
  #frameSize(): number | undefined {
    if (this.#length < headerSize) return undefined;
    const header = this.#front(headerSize);
    const size = header.readUInt32LE(0);
    if (size > maxPayload || header.readUInt16LE(6) !== 0 || header.readUInt32LE(12) !== 0) {
      throw new PodError(
        "Internal",
        `A shim sent a frame that cannot be: ${header.toString("hex")}`,
      );
    }
    return headerSize + size;
  }

  /** The first bytes in one piece. */
  #front(size: number): Buffer {
    let first = this.#pieces[0] ?? Buffer.alloc(0);
    if (first.length < size) {
      first = Buffer.concat(this.#pieces, this.#length);
      this.#pieces = [first];
    }
    return first.subarray(0, size);
  }

  #take(size: number): Frame {
    const whole = this.#front(size);
    const first = this.#pieces[0] ?? whole;
    if (first.length === size) this.#pieces.shift();
    else this.#pieces[0] = first.subarray(size);
    this.#length -= size;
    return {
      type: whole.readUInt16LE(4),
      request: whole.readUInt32LE(8),
      payload: whole.subarray(headerSize),
    };
  }
}

export function encodeHello(): Buffer {
  const payload = Buffer.alloc(16);
  payload.writeUInt32LE(magic, 0);
  payload.writeUInt32LE(protocolVersion, 4);
  return payload;
}

/** @returns the pid of the shim. @throws PodError FailedPrecondition when it speaks another version. */
export function decodeHello(frame: Frame): number {
  const { payload } = frame;
  if (
    frame.type !== frameTypes.hello ||
    payload.length !== 16 ||
    payload.readUInt32LE(0) !== magic
  ) {
    throw new PodError("Internal", "What listens on the shim's socket is no shim");
  }
  const version = payload.readUInt32LE(4);
  if (version !== protocolVersion) {
    throw new PodError(
      "FailedPrecondition",
      `The shim speaks version ${version} of its protocol: this nspod needs ${protocolVersion}`,
      { data: { reason: shimVersion, version } },
    );
  }
  return payload.readInt32LE(8);
}

/** Content of START and EXEC; programs are encoded ones. */
export interface StartPayload {
  readonly id: string;
  readonly cloneFlags: number;
  readonly cgroup: string;
  readonly target?: string | undefined;
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly log?: { readonly path: string; readonly maxBytes: number; readonly maxFiles: number };
  readonly prelude?: Buffer | undefined;
  readonly program: Buffer;
  readonly postlude?: Buffer | undefined;
}

/** Encodes struct shim_start and its parts. @throws PodError InvalidArgument for a NUL in a text. */
export function encodeStart(start: StartPayload): Buffer {
  const nothing = Buffer.alloc(0);
  const parts = [
    text(start.id),
    text(start.cgroup),
    text(start.target),
    text(start.log?.path),
    start.prelude ?? nothing,
    start.program,
    start.postlude ?? nothing,
  ];
  const fixed = Buffer.alloc(24 + 4 * parts.length + 4);
  fixed.writeBigUInt64LE(BigInt(start.cloneFlags >>> 0), 0);
  fixed.writeBigUInt64LE(BigInt(start.log?.maxBytes ?? 0), 8);
  fixed.writeUInt32LE(start.log?.maxFiles ?? 0, 16);
  const flags = (start.tty ? 1 : 0) | (start.stdin ? 2 : 0) | (start.stdinOnce ? 4 : 0);
  fixed.writeUInt32LE(flags, 20);
  parts.forEach((part, index) => {
    fixed.writeUInt32LE(part.length, 24 + 4 * index);
  });
  const padded = parts.flatMap((part) => [part, Buffer.alloc((8 - (part.length % 8)) % 8)]);
  return Buffer.concat([fixed, ...padded]);
}

/** A text with its NUL; an absent or empty one has no bytes at all. */
function text(value: string | undefined): Buffer {
  if (value === undefined || value === "") return Buffer.alloc(0);
  if (value.includes("\0")) {
    throw new PodError("InvalidArgument", `${JSON.stringify(value)} contains a NUL byte`);
  }
  return Buffer.from(`${value}\0`);
}

/** Content of FORGET, and what ends SIGNAL and ATTACH. */
export function encodeId(id: string): Buffer {
  return text(id);
}

export function encodeSignal(id: string, signal: number): Buffer {
  return Buffer.concat([pair(signal), text(id)]);
}

export function encodeAttach(id: string, stdin: boolean): Buffer {
  return Buffer.concat([pair(stdin ? 2 : 0), text(id)]);
}

/** @param columns - 0..65535, as @param rows. */
export function encodeResize(columns: number, rows: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt16LE(Math.min(Math.max(Math.trunc(columns), 0), 0xffff), 0);
  payload.writeUInt16LE(Math.min(Math.max(Math.trunc(rows), 0), 0xffff), 2);
  return payload;
}

function pair(value: number): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32LE(value, 0);
  return payload;
}

/** struct shim_reply. */
export interface Reply {
  /** errno, 0 = done. */
  readonly errno: number;
  readonly phase: Phase;
  /** Index of the operation in the phase's program (-1: clone3), or of the step. */
  readonly failedOperation: number;
  readonly pid: number;
  /** What follows: processes of LIST, result and buffer of RUN. */
  readonly rest: Buffer;
}

export function decodeReply(payload: Buffer): Reply {
  need(payload, 16, "reply");
  const phase = phases[payload.readInt32LE(4)];
  if (phase === undefined) throw damaged("reply");
  return {
    errno: payload.readInt32LE(0),
    phase,
    failedOperation: payload.readInt32LE(8),
    pid: payload.readInt32LE(12),
    rest: payload.subarray(16),
  };
}

/** Size of struct program_result, which a RUN's reply has before the program's buffer. */
export const resultSize: number = 8 + 8 * registerCount;

const entrySize = 168;

/** One struct shim_process_entry at `offset`. */
export function decodeProcess(payload: Buffer, offset = 0): ShimProcess {
  need(payload, offset + entrySize, "process");
  const entry = payload.subarray(offset, offset + entrySize);
  const id = entry.toString("latin1", 0, entry.indexOf(0));
  const startedAtMs = Number(entry.readBigInt64LE(128));
  const pid = entry.readInt32LE(152);
  const flags = entry.readUInt32LE(164);
  const process = {
    id,
    pid,
    startedAtMs,
    logDroppedBytes: Number(entry.readBigUInt64LE(144)),
  };
  if ((flags & 1) === 0) return process;
  const exit = {
    id,
    pid,
    exitCode: entry.readInt32LE(156),
    signal: entry.readInt32LE(160),
    oomKilled: (flags & 2) !== 0,
    startedAtMs,
    finishedAtMs: Number(entry.readBigInt64LE(136)),
  };
  return { ...process, exit };
}

/** LIST answers in replies of this many processes; the last has fewer. */
export const processesPerReply = 64;

export function decodeProcesses(rest: Buffer): ShimProcess[] {
  if (rest.length % entrySize !== 0) throw damaged("list of processes");
  return Array.from({ length: rest.length / entrySize }, (_, index) =>
    decodeProcess(rest, index * entrySize),
  );
}

/** struct shim_exit: the end of a session. */
export function decodeExit(payload: Buffer): { exitCode: number; signal: number } {
  need(payload, 8, "exit");
  return { exitCode: payload.readInt32LE(0), signal: payload.readInt32LE(4) };
}

/** Content of a file of `exits/`; undefined when it is torn, of another version or another thing. */
export function decodeExitFile(content: Buffer): ExitRecord | undefined {
  if (content.length !== 8 + entrySize || content.readUInt32LE(0) !== recordMagic) return undefined;
  if (content.readUInt32LE(4) !== protocolVersion) return undefined;
  return decodeProcess(content, 8).exit;
}

function need(payload: Buffer, size: number, what: string): void {
  if (payload.length < size) throw damaged(what);
}

function damaged(what: string): PodError {
  return new PodError("Internal", `A shim sent a ${what} that cannot be decoded`);
}
