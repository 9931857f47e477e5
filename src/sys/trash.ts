/**
 * Removal of trees whose content is hostile: upper directories of containers, unpacked layers.
 *
 * `discard()` renames a tree into the trash folder, so it is gone from its place at once and in
 * one step. `emptyTrash()` then takes the trash apart without ever resolving a path of it: names
 * are bytes, every operation is relative to a descriptor, mounts are refused (RESOLVE_NO_XDEV),
 * and sub-directories are renamed up into the trash instead of being walked into, so the depth of
 * a tree costs neither stack nor descriptors. What a crash leaves behind the next run removes.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { hasCode } from "../base/errors.ts";
import { K } from "./abi.ts";
import { run } from "./ffi.ts";
import { Program, register } from "./program.ts";

const bufferSize = 32_768;
// d_type of getdents64(2).
const directoryType = 4;

interface Entry {
  /** NUL-terminated. */
  readonly name: Buffer;
  readonly isDirectory: boolean;
}

/** Moves a tree into the trash; fine when it is gone. Both are on one file system. */
export function discard(trash: string, path: string): void {
  mkdirSync(trash, { recursive: true, mode: 0o700 });
  try {
    renameSync(path, join(trash, randomBytes(12).toString("hex")));
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/**
 * Removes everything in the trash folder, in portions between which other work can run.
 * @throws SyscallError naming what could not be removed, e.g. a mount in it (EXDEV).
 */
export async function emptyTrash(trash: string): Promise<void> {
  mkdirSync(trash, { recursive: true, mode: 0o700 });
  const fd = openDirectory(K.AT_FDCWD, Buffer.from(`${trash}\0`), 0);
  try {
    for (let entries = readEntries(fd); entries.length > 0; entries = readEntries(fd)) {
      unlinkAll(fd, entries);
      for (const { name, isDirectory } of entries) {
        if (isDirectory) await removeDirectory(fd, name);
      }
      rewind(fd);
    }
  } finally {
    closeDescriptor(fd);
  }
}

/** Empties one directory of the trash, moving its sub-directories up, and removes it. */
async function removeDirectory(trash: number, name: Buffer): Promise<void> {
  const fd = openDirectory(trash, name, K.RESOLVE_NO_XDEV | K.RESOLVE_NO_SYMLINKS);
  try {
    for (let entries = readEntries(fd); entries.length > 0; entries = readEntries(fd)) {
      unlinkAll(fd, entries);
      moveUp(fd, trash, entries);
      rewind(fd);
      await setImmediate();
    }
  } finally {
    closeDescriptor(fd);
  }
  const program = new Program("remove directory");
  program.call("unlinkat", [trash, program.bytes(name), K.AT_REMOVEDIR], { tolerate: ["ENOENT"] });
  run("Cannot remove a directory in the trash", program);
}

function unlinkAll(fd: number, entries: readonly Entry[]): void {
  const program = new Program("remove files");
  for (const { name, isDirectory } of entries) {
    if (isDirectory) continue;
    program.call("unlinkat", [fd, program.bytes(name), 0], { tolerate: ["ENOENT"] });
  }
  run("Cannot remove files in the trash", program);
}

function moveUp(fd: number, trash: number, entries: readonly Entry[]): void {
  const program = new Program("move sub-directories up");
  for (const { name, isDirectory } of entries) {
    if (!isDirectory) continue;
    const target = randomBytes(12).toString("hex");
    program.call("renameat2", [fd, program.bytes(name), trash, target, K.RENAME_NOREPLACE], {
      tolerate: ["ENOENT"],
    });
  }
  run("Cannot move a directory in the trash", program);
}

function openDirectory(parent: number, name: Buffer, resolve: number): number {
  const program = new Program("open directory");
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(K.O_RDONLY | K.O_DIRECTORY | K.O_NOFOLLOW | K.O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  const fd = program.open("openat2", [parent, program.bytes(name), program.bytes(how), 24]);
  const done = run("Cannot open a directory in the trash", program);
  return Number(done.registers[fd.number]);
}

function readEntries(fd: number): readonly Entry[] {
  const program = new Program("list directory", 1);
  const buffer = program.buffer(bufferSize);
  const count = program.open("getdents64", [register(0), buffer, bufferSize]);
  const done = run("Cannot list a directory in the trash", program, [fd]);
  const length = Number(done.registers[count.number]);
  return parseEntries(program.bytesOf(done.encoded, buffer).subarray(0, length));
}

/** struct linux_dirent64: ino u64, off i64, reclen u16, type u8, name (getdents64(2)). */
function parseEntries(buffer: Buffer): readonly Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < buffer.length; at += buffer.readUInt16LE(at + 16)) {
    const start = at + 19;
    const end = buffer.indexOf(0, start);
    const name = Buffer.from(buffer.subarray(start, end + 1));
    const text = name.toString("latin1");
    if (text === ".\0" || text === "..\0") continue;
    entries.push({ name, isDirectory: buffer.readUInt8(at + 18) === directoryType });
  }
  return entries;
}

function rewind(fd: number): void {
  run("Cannot rewind a directory in the trash", new Program("rewind").call("lseek", [fd, 0, 0]));
}

function closeDescriptor(fd: number): void {
  run("Cannot close a directory in the trash", new Program("close").call("close", [fd]));
}
