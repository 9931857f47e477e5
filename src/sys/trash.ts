/**
 * Removal of trees whose content is hostile: upper directories of containers, unpacked layers.
 *
 * `discard()` renames a tree into the trash folder, so it is gone from its place at once and in
 * one step. `emptyTrash()` then has native/trash.c take the trash apart beside the main thread,
 * without ever resolving a path of it: names are bytes, every call is relative to a descriptor,
 * mounts are refused (RESOLVE_NO_XDEV), and sub-directories are renamed up into the trash instead
 * of being walked into, so the depth of a tree costs neither stack nor descriptors. What a crash
 * leaves behind the next run removes.
 */
import { randomBytes } from "node:crypto";
import { closeSync, constants, mkdirSync, openSync, renameSync } from "node:fs";
import { join } from "node:path";
import { hasCode, PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import { errnoName } from "./abi.ts";
import { emptyFolderAside } from "./ffi.ts";
import { errnoMeaning } from "./syscall-error.ts";

/** Names that one call removes: so long it keeps a thread of libuv's pool. */
const portion = 1000;

/** Moves a tree into the trash; fine when it is gone. Both are on one file system. */
export function discard(trash: string, path: string): void {
  makeTrash(trash);
  failpoint("sys/trash.discard");
  try {
    renameSync(path, join(trash, randomBytes(12).toString("hex")));
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
}

/**
 * Removes everything in the trash folder, beside the main thread.
 * @throws PodError FailedPrecondition when something cannot be removed, e.g. a mount (EXDEV).
 */
export async function emptyTrash(trash: string): Promise<void> {
  makeTrash(trash);
  const fd = openSync(trash, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  try {
    let result = 1;
    while (result > 0) result = await emptyFolderAside(fd, portion);
    if (result < 0) throw stuck(trash, errnoName(-result));
  } finally {
    closeSync(fd);
  }
}

function makeTrash(trash: string): void {
  mkdirSync(trash, { recursive: true, mode: 0o700 });
}

function stuck(trash: string, errno: string): PodError {
  const meaning = errnoMeaning(errno);
  return new PodError(
    "FailedPrecondition",
    `Cannot empty "${trash}": the kernel answers ${errno}${meaning === "" ? "" : ` (${meaning})`}`,
  );
}
