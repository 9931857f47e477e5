/**
 * Files of nspod's own state are written here only: temporary file, fsync, rename, fsync of the
 * folder. A reader sees the old content or the new one, also after a power cut.
 *
 * Never for paths that image or container content can influence.
 */
import {
  closeSync,
  fchmodSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { failpoint } from "./failpoint.ts";

export interface WriteOptions {
  /** Permission bits, default 0600. */
  readonly mode?: number;
  /** false for files on a tmpfs (/run), where fsync has no meaning. Default true. */
  readonly durable?: boolean;
}

/**
 * Replaces the file at `path` in one step.
 * @throws Error of the file system. The old content is in place then, or, when only the folder could not be synced, the
 * new one; no other file is.
 */
export function atomicWrite(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600, durable = true }: WriteOptions = {},
): void {
  const temporary = `${path}.tmp`;
  rmSync(temporary, { force: true });
  const fd = openSync(temporary, "wx", mode);
  try {
    // The mode of open is cut by the daemon's umask.
    fchmodSync(fd, mode);
    failpoint("base/atomic-write.write");
    writeFileSync(fd, content);
    failpoint("base/atomic-write.sync");
    if (durable) fsyncSync(fd);
    failpoint("base/atomic-write.rename");
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  } finally {
    closeSync(fd);
  }
  failpoint("base/atomic-write.folder");
  if (durable) syncFolder(dirname(path));
}

/** Makes creations, renames and removals in a folder durable. */
export function syncFolder(path: string): void {
  const fd = openSync(path, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
