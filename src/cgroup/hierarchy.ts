/**
 * The cgroup v2 tree of one nspod instance. Plain file writes; every path is made of names that
 * nspod chose (uids, DNS-1123 labels).
 *
 *   <mount><instance.cgroup>/            cpu memory pids hugetlb enabled for the children where there are
 *     shims/<uid>/                       one leaf per shim: killed by cgroup.kill, never by pid
 *     pod<uid>/                          limits of the pod
 *       <container>/                     limits of the container; its processes
 *
 * Source: kernel Documentation/admin-guide/cgroup-v2.rst.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { hasCode, PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import type { Controller, Setting } from "./limits.ts";

const wanted: readonly Controller[] = ["cpu", "memory", "pids", "hugetlb"];

export interface Hierarchy {
  /** Absolute directory of the instance's cgroup. */
  readonly directory: string;
  /** Controllers that limits can be set with; the others are missing on this host. */
  readonly controllers: ReadonlySet<Controller>;
}

/**
 * Makes the instance's cgroup and hands the controllers down to its children.
 * @param mountPoint - where cgroup v2 is mounted, e.g. /sys/fs/cgroup.
 * @param path - the instance's cgroup below it, begins with "/".
 * @throws PodError FailedPrecondition when the cgroup cannot be made.
 */
export function openHierarchy(mountPoint: string, path: string): Hierarchy {
  const directory = join(mountPoint, path);
  makeDirectory(directory);
  const chain = [directory];
  while (chain[0] !== undefined && chain[0] !== mountPoint) chain.unshift(dirname(chain[0]));
  for (const level of chain) enableControllers(level);
  const shims = join(directory, "shims");
  makeDirectory(shims);
  return { directory, controllers: enabledControllers(directory) };
}

/** Directory of a pod's cgroup. */
export function podCgroup(hierarchy: Pick<Hierarchy, "directory">, uid: string): string {
  return join(hierarchy.directory, `pod${uid}`);
}

/** Directory of the cgroup of a pod's shim. */
export function shimCgroup(hierarchy: Pick<Hierarchy, "directory">, uid: string): string {
  return join(hierarchy.directory, "shims", uid);
}

export interface EnsuredCgroup {
  /** Settings that were left out, because their controller is missing: the caller owes the user a warning. */
  readonly missing: readonly Setting[];
  /** It was not there before: nothing can be attached to it yet. */
  readonly isNew: boolean;
}

/** Makes a cgroup (fine if it exists) and writes its settings. */
export function ensureCgroup(
  hierarchy: Hierarchy,
  directory: string,
  settings: readonly Setting[],
): EnsuredCgroup {
  failpoint("cgroup/hierarchy.create");
  const isNew = makeDirectory(directory);
  const missing: Setting[] = [];
  for (const setting of settings) {
    if (!hierarchy.controllers.has(setting.controller)) {
      missing.push(setting);
      continue;
    }
    writeSetting(directory, setting);
  }
  return { missing, isNew };
}

/** Makes a pod's cgroup and hands the controllers down to its containers. */
export function ensurePodCgroup(
  hierarchy: Hierarchy,
  uid: string,
  settings: readonly Setting[],
): readonly Setting[] {
  const directory = podCgroup(hierarchy, uid);
  const { missing } = ensureCgroup(hierarchy, directory, settings);
  enableControllers(directory);
  return missing;
}

/** Sends SIGKILL to every process of a cgroup and those below it; fine when it is gone. */
export function killCgroup(directory: string): void {
  failpoint("cgroup/hierarchy.kill");
  try {
    writeFileSync(join(directory, "cgroup.kill"), "1");
  } catch (error) {
    // ENODEV: removed between open and write.
    if (!hasCode(error, "ENOENT", "ENODEV")) throw error;
  }
}

/** Whether a process lives in the cgroup or below; false when it is gone. */
export function isPopulated(directory: string): boolean {
  try {
    return readFileSync(join(directory, "cgroup.events"), "utf8").includes("populated 1");
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENODEV")) return false;
    throw error;
  }
}

/**
 * Removes a cgroup and those below it; fine when it is gone.
 * @returns false while processes are still dying in it: call again later.
 */
export function removeCgroup(directory: string): boolean {
  let children: string[];
  try {
    children = readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    throw error;
  }
  failpoint("cgroup/hierarchy.remove");
  const isEmpty = children.map((name) => removeCgroup(join(directory, name))).every(Boolean);
  if (!isEmpty) return false;
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    if (hasCode(error, "ENOENT")) return true;
    if (hasCode(error, "EBUSY")) return false;
    throw error;
  }
}

/** The uids that have a pod or a shim cgroup: the census that recovery compares with its records. */
export function listPodCgroups(hierarchy: Pick<Hierarchy, "directory">): ReadonlySet<string> {
  const pods = directoriesOf(hierarchy.directory)
    .filter((name) => name.startsWith("pod"))
    .map((name) => name.slice("pod".length));
  return new Set([...pods, ...directoriesOf(join(hierarchy.directory, "shims"))]);
}

function directoriesOf(path: string): string[] {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
}

/** @returns whether it was not there before */
function makeDirectory(directory: string): boolean {
  try {
    return mkdirSync(directory, { recursive: true }) !== undefined;
  } catch (cause) {
    throw new PodError(
      "FailedPrecondition",
      `Cannot create cgroup "${directory}": ${String(cause)}`,
      { cause },
    );
  }
}

function writeSetting(directory: string, { file, value, origin }: Setting): void {
  try {
    writeFileSync(join(directory, file), value);
  } catch (cause) {
    // A kernel without swap accounting has no memory.swap.max; there is nothing to limit then.
    if (file === "memory.swap.max" && hasCode(cause, "ENOENT", "EACCES")) return;
    throw new PodError(
      "FailedPrecondition",
      `Cannot set ${file} of cgroup "${directory}" to "${value}"${origin === "" ? "" : ` (${origin})`}: ${String(cause)}`,
      { cause },
    );
  }
}

function controllersIn(directory: string, file: string): string[] {
  return readFileSync(join(directory, file), "utf8").split(/\s+/).filter(Boolean);
}

function enabledControllers(directory: string): ReadonlySet<Controller> {
  const enabled = controllersIn(directory, "cgroup.subtree_control");
  return new Set(wanted.filter((controller) => enabled.includes(controller)));
}

function enableControllers(directory: string): void {
  const available = controllersIn(directory, "cgroup.controllers");
  const enabled = controllersIn(directory, "cgroup.subtree_control");
  for (const controller of wanted) {
    if (!available.includes(controller) || enabled.includes(controller)) continue;
    try {
      writeFileSync(join(directory, "cgroup.subtree_control"), `+${controller}`);
    } catch (error) {
      // EBUSY: processes live in this very cgroup, so it may not hand controllers down; the
      // controller then counts as missing and limits that need it are warned about.
      if (!hasCode(error, "EBUSY", "EPERM", "EACCES")) throw error;
    }
  }
}
