/**
 * The mount table as the kernel prints it, one mount per line in mount order:
 *
 *   36 35 98:0 /mnt1 /mnt2 rw,noatime shared:1 master:2 - ext3 /dev/root rw,errors=continue
 *   id parent device root mount-point options optional-fields* - type source super-options
 *
 * Space, tab, newline, backslash and "#" in names stand as \ooo. Source: proc_pid_mountinfo(5).
 */
import { readFileSync } from "node:fs";
import { PodError } from "../base/errors.ts";

export interface Mount {
  readonly id: number;
  readonly parentId: number;
  /** "major:minor" of the file system. */
  readonly device: string;
  /** Folder of the file system that forms the root of this mount; not "/" for bind mounts. */
  readonly root: string;
  readonly mountPoint: string;
  /** Options of this mount, e.g. "rw", "nosuid". */
  readonly options: readonly string[];
  /** Optional fields, e.g. "shared:1"; empty for a private mount. */
  readonly propagation: readonly string[];
  readonly fileSystem: string;
  readonly source: string;
  /** Options of the file system, the same for all its mounts. */
  readonly superOptions: readonly string[];
}

/**
 * Decodes a mount table.
 * @throws PodError Internal when a line does not have the kernel's form.
 */
export function parseMountinfo(text: string): readonly Mount[] {
  return text.split("\n").filter(Boolean).map(parseLine);
}

/** The mount table of a process, in mount order. */
export function readMountinfo(path: string = "/proc/self/mountinfo"): readonly Mount[] {
  return parseMountinfo(readFileSync(path, "utf8"));
}

/** The mount that a path lies on: the longest mount point above it, the latest of equals. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const isAbove =
      mount.mountPoint === "/" ||
      path === mount.mountPoint ||
      path.startsWith(`${mount.mountPoint}/`);
    if (isAbove && mount.mountPoint.length >= (best?.mountPoint.length ?? 0)) best = mount;
  }
  return best;
}

/**
 * The cgroup v2 mount: /sys/fs/cgroup, or its folder "unified" where v1 controllers are mounted
 * too. The root of the hierarchy is preferred to a bind mount of a part.
 */
export function cgroup2Mount(mounts: readonly Mount[]): Mount | undefined {
  const found = mounts.filter(({ fileSystem }) => fileSystem === "cgroup2");
  return found.find(({ root }) => root === "/") ?? found[0];
}

function parseLine(line: string): Mount {
  const fields = line.split(" ");
  const dash = fields.indexOf("-", 6);
  const [id = "", parentId = "", device = "", root, mountPoint, options] = fields;
  const [fileSystem, source, superOptions] = fields.slice(dash + 1);
  if (
    dash === -1 ||
    !/^\d+$/.test(id) ||
    !/^\d+$/.test(parentId) ||
    !/^\d+:\d+$/.test(device) ||
    root === undefined ||
    mountPoint === undefined ||
    options === undefined ||
    fileSystem === undefined ||
    source === undefined ||
    superOptions === undefined
  ) {
    throw new PodError("Internal", `Cannot read the mount table: unexpected line "${line}"`);
  }
  return {
    id: Number(id),
    parentId: Number(parentId),
    device,
    root: unescapeOctal(root),
    mountPoint: unescapeOctal(mountPoint),
    options: options.split(","),
    propagation: fields.slice(6, dash),
    fileSystem: unescapeOctal(fileSystem),
    source: unescapeOctal(source),
    superOptions: superOptions.split(",").map(unescapeOctal),
  };
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
