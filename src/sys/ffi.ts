/**
 * The door to the C core: the only module that calls libnspod.so. One call runs one whole program,
 * because a call costs 3 to 15 µs whatever it does. Never load this in a worker thread: ffi-napi
 * crashes there.
 */
import { createRequire } from "node:module";
import type { Batch } from "./batch.ts";
import { nativePath } from "./native-path.ts";
import { type Program, registerCount } from "./program.ts";
import { type ProgramResult, syscallError } from "./syscall-error.ts";

const resultSize = 8 + 8 * registerCount;

interface Library {
  readonly nspod_run: {
    (buffer: Buffer, size: number, result: Buffer): number;
    readonly async: (buffer: Buffer, size: number, result: Buffer, done: Done<number>) => void;
  };
  readonly nspod_spawn: {
    (...call: SpawnCall): number;
    readonly async: (...call: [...SpawnCall, done: Done<number>]) => void;
  };
  readonly nspod_log_text: (block: Buffer, size: number, text: Buffer) => void;
  readonly nspod_empty_trash: {
    readonly async: (fd: number, most: number, done: Done<number>) => void;
  };
  readonly nspod_give_group: {
    readonly async: (...call: [...GroupCall, done: Done<number>]) => void;
  };
  readonly nspod_tidy: {
    readonly async: (forgetStart: number, done: Done<void>) => void;
  };
}

type SpawnCall = [
  buffer: Buffer,
  size: number,
  cloneFlags: number | string,
  cgroupFd: number,
  result: Buffer,
];

type GroupCall = [buffer: Buffer, size: number, result: Buffer, change: Buffer];

let library: Library | undefined;

/** Loads a shared library by FFI; the cast in the caller is the declaration of its functions. */
export function loadLibrary(path: string, functions: Record<string, unknown>): unknown {
  const ffi = createRequire(import.meta.url)("ffi-napi") as {
    Library: (path: string, functions: Record<string, unknown>) => unknown;
  };
  return ffi.Library(path, functions);
}

function nspod(): Library {
  library ??= loadLibrary(nativePath("libnspod.so"), {
    // SAFETY: both buffers are used during the call only, their sizes are checked or fixed.
    // BLOCKS: as long as the program's system calls do; programs that wait belong into the shim.
    nspod_run: ["int", ["pointer", "uint32", "pointer"]],
    // SAFETY: as above; the child that shares our memory has exec'ed or ended when it returns.
    // BLOCKS: until then, 1 to 4 ms for a pod's sandbox.
    nspod_spawn: ["int", ["pointer", "uint32", "uint64", "int32", "pointer"]],
    // SAFETY: both buffers are used during the call only; the second one is a struct log_text, see sys/log-text.ts.
    // BLOCKS: 30 µs for 256 KiB.
    nspod_log_text: ["void", ["pointer", "uint32", "pointer"]],
    // SAFETY: takes numbers only; the descriptor stays open until it has returned.
    // BLOCKS: until the disk has taken the removal of so many names; called in libuv's pool only.
    nspod_empty_trash: ["int", ["int32", "uint32"]],
    // SAFETY: the buffers are used during the call only, by a child that has ended when it returns; the last one is a
    // struct group_change, see sys/group-walk.ts.
    // BLOCKS: as long as the walk through the tree does; called in libuv's pool only.
    nspod_give_group: ["int", ["pointer", "uint32", "pointer", "pointer"]],
    // SAFETY: takes a number only; what it takes from the process comes back by a minor fault.
    // BLOCKS: whoever wants memory of malloc, for some ms; called in libuv's pool only.
    nspod_tidy: ["void", ["int32"]],
  }) as Library;
  return library;
}

export interface Run extends ProgramResult {
  /** The program's buffer after the run: `program.bytesOf(encoded, pointer)` reads it. */
  readonly encoded: Buffer;
}

function resultBuffer(input: readonly number[]): Buffer {
  const buffer = Buffer.alloc(resultSize);
  input.forEach((value, index) => {
    buffer.writeBigInt64LE(BigInt(value), 8 + 8 * index);
  });
  return buffer;
}

/** Decodes struct program_result of native/program.h. */
export function decodeResult(buffer: Buffer): ProgramResult {
  return {
    failedOperation: buffer.readInt32LE(0),
    errno: buffer.readInt32LE(4),
    registers: Array.from({ length: registerCount }, (_, i) => buffer.readBigInt64LE(8 + 8 * i)),
  };
}

/** Runs a program in this thread and reports how it went. @param input - preset registers. */
export function tryRun(program: Program, input: readonly number[] = []): Run {
  const encoded = program.encode();
  const result = resultBuffer(input);
  nspod().nspod_run(encoded, encoded.length, result);
  return { ...decodeResult(result), encoded };
}

/**
 * Runs a program in this thread.
 * @param action - the head of the error sentence, e.g. `Cannot create bridge "nspod0"`.
 * @throws SyscallError when an operation fails.
 */
export function run(action: string, program: Program, input: readonly number[] = []): Run {
  const done = tryRun(program, input);
  if (done.errno !== 0) throw syscallError(action, program, done);
  return done;
}

/**
 * Like `run()`, in a thread of libuv's pool: only that thread waits for the kernel. Descriptors that the program uses
 * must stay open until then.
 */
export async function runAside(action: string, program: Program): Promise<Run> {
  const encoded = program.encode();
  const result = resultBuffer([]);
  await inPool<number>((done) => {
    nspod().nspod_run.async(encoded, encoded.length, result, done);
  });
  const done = { ...decodeResult(result), encoded };
  if (done.errno !== 0) throw syscallError(action, program, done);
  return done;
}

/**
 * Runs a batch in a thread of libuv, so that the next one can be written meanwhile. For helper
 * processes: threads have the privileges that the main thread had when the first of them started.
 * The batch must not be touched before it is over.
 * @returns the registers. @throws SyscallError when an operation fails.
 */
export async function runBatch(action: string, batch: Batch): Promise<readonly bigint[]> {
  const encoded = batch.encoded();
  const result = resultBuffer([]);
  await inPool<number>((done) => {
    nspod().nspod_run.async(encoded, encoded.length, result, done);
  });
  const done = decodeResult(result);
  if (done.errno !== 0) throw syscallError(action, batch, done);
  return done.registers;
}

export interface SpawnOptions {
  /** CLONE_NEW* flags of the child. */
  readonly cloneFlags?: number;
  /** Directory fd of the cgroup v2 cgroup that the child starts in. */
  readonly cgroupFd?: number;
  readonly input?: readonly number[];
}

export interface Spawned extends Run {
  /** Pid of a child that has exec'ed; 0 when the program came to its end and the child is gone. */
  readonly pid: number;
}

/**
 * Runs a program in a new child, which may change namespaces, root or ids, and may exec.
 * @throws SyscallError when clone3 or an operation fails; the child is gone then.
 */
export function spawn(action: string, program: Program, options: SpawnOptions = {}): Spawned {
  const call = spawnCall(program, options);
  return spawned(action, program, call, nspod().nspod_spawn(...call));
}

/**
 * Like `spawn()`, in a thread of libuv's pool: only that thread sleeps until the child has exec'ed.
 * Descriptors that the program uses must stay open until then.
 */
export async function spawnAside(
  action: string,
  program: Program,
  options: SpawnOptions = {},
): Promise<Spawned> {
  const call = spawnCall(program, options);
  const pid = await inPool<number>((done) => {
    nspod().nspod_spawn.async(...call, done);
  });
  return spawned(action, program, call, pid);
}

function spawnCall(program: Program, options: SpawnOptions): SpawnCall {
  const encoded = program.encode();
  const result = resultBuffer(options.input ?? []);
  const cloneFlags = (options.cloneFlags ?? 0) >>> 0;
  return [encoded, encoded.length, cloneFlags, options.cgroupFd ?? -1, result];
}

function spawned(action: string, program: Program, call: SpawnCall, pid: number): Spawned {
  const [encoded, , , , result] = call;
  const done = decodeResult(result);
  if (pid < 0) throw syscallError(action, program, done);
  return { ...done, encoded, pid };
}

/**
 * Removes what is in a folder, up to so many names, in a thread of libuv's pool (native/trash.h).
 * @returns 0 when it is empty, 1 when there is more, or -errno.
 */
export async function emptyFolderAside(fd: number, most: number): Promise<number> {
  return await inPool<number>((done) => {
    nspod().nspod_empty_trash.async(fd, most, done);
  });
}

/**
 * Has a child run a program and then walk through the directory that it opened (native/group.h), while a thread of
 * libuv's pool sleeps. @param change - a struct group_change, which says how far it is.
 * @throws SyscallError when clone3 or an operation of the program fails
 */
export async function giveGroupAside(
  action: string,
  program: Program,
  change: Buffer,
): Promise<void> {
  const encoded = program.encode();
  const result = resultBuffer([]);
  const status = await inPool<number>((done) => {
    nspod().nspod_give_group.async(encoded, encoded.length, result, change, done);
  });
  if (status < 0) throw syscallError(action, program, decodeResult(result));
}

/** Takes the heads off the lines of a log (native/log_text.h). @param text - a struct log_text. */
export function takeLogText(block: Buffer, text: Buffer): void {
  nspod().nspod_log_text(block, block.length, text);
}

/**
 * Gives memory that is free back to the kernel, in a thread of libuv's pool (native/tidy.h).
 * @param forgetStart - also the pages of the program that only its start has needed.
 */
export async function tidyAside(forgetStart: boolean): Promise<void> {
  await inPool<void>((done) => {
    nspod().nspod_tidy.async(Number(forgetStart), done);
  });
}

/** Called once: with an error of the FFI library, or with what the function returned. */
type Done<T> = (error: Error | null, result: T) => void;

/** A call in a thread of libuv's pool. @returns what its function returns. */
async function inPool<T>(begin: (done: Done<T>) => void): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  begin((error, result) => {
    if (error) reject(error);
    else resolve(result);
  });
  return await promise;
}
