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
import { failpoint } from "../base/failpoint.ts";
import { K } from "./abi.ts";
import { closeDescriptor, type Entry, openDirectory, readEntries, rewind } from "./directory.ts";
import { run } from "./ffi.ts";
import { Program } from "./program.ts";

/** Moves a tree into the trash; fine when it is gone. Both are on one file system. */
export function discard(trash: string, path: string): void {
  mkdirSync(trash, { recursive: true, mode: 0o700 });
  failpoint("sys/trash.discard");
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
