/**
 * The two folders of an instance, as base/instance.ts draws them. They are mended at every start:
 * whoever could write into them could make the daemon do anything.
 */
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pkiFolder } from "../apiserver/pki-names.ts";
import { hasCode, PodError } from "../base/errors.ts";
import { apiSocketPath, type Instance } from "../base/instance.ts";
import { ensureSkeleton, skeletonsFolder } from "../container/skeleton.ts";
import { rootMountPoint } from "../pod/folders.ts";
import { reservePath } from "../store/store.ts";

/**
 * Makes root (0700) and run (0711) and sets their modes.
 * @throws PodError FailedPrecondition when one is a link, no folder, somebody else's or on a read-only file system.
 */
export function ensureFolders({ root, run }: Instance): void {
  ensureFolder(root, 0o700);
  ensureFolder(run, 0o711);
}

/** Makes what all pods share; only who holds the locks of both folders may. */
export function ensureSharedFolders({ root, run }: Instance): void {
  ensureFolder(rootMountPoint({ run }), 0o700);
  ensureSkeleton(root);
}

function ensureFolder(path: string, mode: number): void {
  try {
    makeFolder(path, mode);
  } catch (error) {
    if (!hasCode(error, "EROFS")) throw error;
    const message = `Cannot write to folder "${path}": the file system is read-only`;
    throw new PodError("FailedPrecondition", message, { cause: error });
  }
}

function makeFolder(path: string, mode: number): void {
  mkdirSync(path, { recursive: true, mode });
  const stat = lstatSync(path);
  if (!stat.isDirectory()) {
    throw new PodError("FailedPrecondition", `"${path}" is no folder but something else`);
  }
  const user = process.geteuid?.() ?? 0;
  if (stat.uid !== user) {
    throw new PodError(
      "FailedPrecondition",
      `Folder "${path}" belongs to uid ${stat.uid}, not to ${user} who runs the daemon: choose another one or remove it`,
    );
  }
  chmodSync(path, mode);
}

/** Path of the object store. */
export function storePath({ root }: Instance): string {
  return join(root, "nspod.db");
}

/** Path of the file whose lock makes a daemon the only one of the folder. */
export function lockPath(folder: string): string {
  return join(folder, "daemon.lock");
}

/**
 * Removes what the daemon itself keeps, and the folders when nothing else is in them.
 * @returns paths of what is left, because it is not ours.
 */
export function removeFolders(instance: Instance): readonly string[] {
  const { root, run } = instance;
  const store = storePath(instance);
  for (const path of [
    ...[store, `${store}-wal`, `${store}-shm`, reservePath(store)],
    ...[lockPath(root), lockPath(run), apiSocketPath(instance), join(run, "daemon.log")],
  ]) {
    rmSync(path, { force: true });
  }
  rmSync(join(root, pkiFolder), { recursive: true, force: true });
  rmSync(skeletonsFolder(root), { recursive: true, force: true });
  removeIfEmpty(rootMountPoint(instance));
  removeIfEmpty(join(run, "pods"));
  removeIfEmpty(join(root, "pods"));
  // The run folder may lie inside the root folder, or the other way round.
  const folders = [root, run].sort((a, b) => b.length - a.length);
  return folders.flatMap((folder) =>
    removeIfEmpty(folder) ? [] : readdirSync(folder).map((name) => join(folder, name)),
  );
}

function removeIfEmpty(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    if (hasCode(error, "ENOTEMPTY", "EEXIST", "EBUSY")) return false;
    throw error;
  }
}
