/**
 * The files of one log, oldest first: `0.log.2`, `0.log.1`, `0.log`. A rotation renames them one by one,
 * from the oldest, so they are told apart by inode, and a list that a rotation cut in two is made again.
 * One that stopped halfway left a number out.
 */
import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { hasCode, PodError } from "../base/errors.ts";
import { longestLine, parseLogLine } from "./log-line.ts";

export interface LogFile {
  readonly handle: FileHandle;
  readonly inode: bigint;
}

/** A place in a list of files. */
export interface LogPosition {
  readonly index: number;
  readonly offset: number;
}

const blockSize = 64 * 1024;

/** Opens all files of the log; an empty list when there is none yet. The caller closes them. */
export async function openLogFiles(path: string): Promise<LogFile[]> {
  for (;;) {
    const files: LogFile[] = [];
    for (const name of await namesOf(path)) {
      const file = await openLogFile(name);
      if (file !== undefined) files.push(file);
    }
    const inodes = await Promise.all((await namesOf(path)).map(inodeOf));
    const there = inodes.filter((inode) => inode !== undefined);
    if (files.map(({ inode }) => inode).join() === there.join()) return files;
    // Rotated in between: a file may be missing or twice in the list.
    await closeLogFiles(files);
  }
}

/** Paths of the log's files, oldest first. */
async function namesOf(path: string): Promise<readonly string[]> {
  const prefix = `${basename(path)}.`;
  const numbers = (await readdir(dirname(path)).catch(noFolder))
    .filter((name) => name.startsWith(prefix) && /^[1-9]\d*$/.test(name.slice(prefix.length)))
    .map((name) => Number(name.slice(prefix.length)));
  return [...numbers.sort((a, b) => b - a).map((number) => `${path}.${number}`), path];
}

function noFolder(error: unknown): readonly string[] {
  if (hasCode(error, "ENOENT")) return [];
  throw error;
}

export async function closeLogFiles(files: readonly LogFile[]): Promise<void> {
  await Promise.all(files.map(({ handle }) => handle.close()));
}

/**
 * Only a plain file: a pod with the folder of the logs as hostPath could put anything in its place (security: VOL-03).
 * @throws PodError FailedPrecondition for anything else.
 */
async function openLogFile(path: string): Promise<LogFile | undefined> {
  let handle: FileHandle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    // ENXIO: a socket.
    if (hasCode(error, "ELOOP", "ENXIO")) throw notPlain(path, error);
    throw error;
  }
  const stat = await handle.stat({ bigint: true });
  if (stat.isFile()) return { handle, inode: stat.ino };
  await handle.close();
  throw notPlain(path, undefined);
}

function notPlain(path: string, cause: unknown): PodError {
  return new PodError("FailedPrecondition", `Cannot read log "${path}": it is no plain file`, {
    cause,
  });
}

/** Inode of the current file; undefined while there is none. */
export async function inodeOf(path: string): Promise<bigint | undefined> {
  try {
    return (await lstat(path, { bigint: true })).ino;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Where the last `count` lines begin; a line in parts counts once, an unfinished one too. */
export async function findTail(files: readonly LogFile[], count: number): Promise<LogPosition> {
  let seen = 0;
  let isNewest = true;
  for (let index = files.length - 1; index >= 0; index--) {
    const file = files[index];
    if (file === undefined) break;
    const { size } = await file.handle.stat();
    for await (const { start, head } of entriesBackwards(file.handle, size)) {
      const line = parseLogLine(head);
      if (line === undefined) continue;
      // Every F ends a line; so does the end of the log when a line is unfinished there.
      if (isNewest || !line.partial) seen++;
      isNewest = false;
      if (seen > count) return { index, offset: start + (await lengthOfLine(file.handle, start)) };
    }
  }
  return { index: 0, offset: 0 };
}

interface Entry {
  readonly start: number;
  /** The first bytes of the line. */
  readonly head: Buffer;
}

const headSize = 64;

/** The complete lines before `end`, last first. */
async function* entriesBackwards(handle: FileHandle, end: number): AsyncGenerator<Entry> {
  // Bytes from `at` on that belong to a line whose start is further in front.
  let tail: Buffer = Buffer.alloc(0);
  let isTorn = true;
  for (let at = end; at > 0; ) {
    const size = Math.min(blockSize, at);
    at -= size;
    const block = Buffer.concat([await readAt(handle, at, size), tail]);
    let stop = block.length;
    for (let newline = block.lastIndexOf(10, stop - 1); newline >= 0; ) {
      // What follows the last newline of the file is torn, or nothing.
      if (!isTorn) yield { start: at + newline + 1, head: block.subarray(newline + 1, stop) };
      isTorn = false;
      stop = newline;
      newline = newline === 0 ? -1 : block.lastIndexOf(10, newline - 1);
    }
    if (at === 0 && !isTorn) yield { start: 0, head: block.subarray(0, stop) };
    // Only the head of a line is looked at, so of a long one the front is enough.
    tail = Buffer.from(block.subarray(0, Math.min(stop, headSize)));
  }
}

async function lengthOfLine(handle: FileHandle, start: number): Promise<number> {
  let length = 0;
  for (;;) {
    const block = await readAt(handle, start + length, longestLine);
    const newline = block.indexOf(10);
    if (newline >= 0) return length + newline + 1;
    if (block.length === 0) return length;
    length += block.length;
  }
}

/** Reads `size` bytes, or fewer where the file ends. */
async function readAt(handle: FileHandle, offset: number, size: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(size);
  return buffer.subarray(0, await fillFrom(handle, offset, buffer));
}

/** Reads what is at `offset` into the buffer. @returns how many bytes; fewer than it holds where the file ends. */
export async function fillFrom(
  handle: FileHandle,
  offset: number,
  buffer: Buffer,
): Promise<number> {
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, offset);
  return bytesRead;
}
