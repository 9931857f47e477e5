/**
 * Replaces the whole content of a volume in one step, as the kubelet's atomic writer lays it out:
 *
 *   <volume>/..2026_01_31_12_00_00.123456789/   the content, in folders as the paths say
 *            ..data -> ..2026_01_31_12_00_00.123456789   replaced by rename: the step
 *            key    -> ..data/key                one link for each first part of a path
 *
 * Compiles programs for the shim, where the volume is mounted; a reader sees the old content or the new one. Every name
 * is used relative to a descriptor of a real directory, so a container that could write here leads us nowhere
 * (security: R1, VOL-06). Source: pkg/volume/util/atomic_writer.go.
 */
import { createHash } from "node:crypto";
import { K } from "../sys/abi.ts";
import { Program, type Register } from "../sys/program.ts";
import type { VolumeFile } from "./volume-file.ts";

/** What a volume holds, for the next time; until a replacement is done, what it may hold. */
export interface PublishedContent {
  /** Of content, modes and owners; "" while it is not certain. */
  readonly digest: string;
  /** Names of the folders that hold content. */
  readonly folders: readonly string[];
  readonly paths: readonly string[];
}

export const nothingPublished: PublishedContent = { digest: "", folders: [], paths: [] };

export interface Replacement {
  /** Absolute path of the volume, in the mount namespace where the programs run. */
  readonly volume: string;
  readonly before: PublishedContent;
  readonly files: readonly VolumeFile[];
  /** New, from `contentFolderName`. */
  readonly folder: string;
  readonly fsGroup?: number | undefined;
}

/** Programs are cut about here: the shim takes messages of 4 MiB and does nothing else meanwhile. */
const mostOperations = 4096;
const mostBytes = 1 << 20;

const dataLink = "..data";
const newDataLink = "..data_tmp";

/** A name like the kubelet's. @param random - 0 to 9999999999. */
export function contentFolderName(nowMs: number, random: number): string {
  const [date, time] = new Date(nowMs).toISOString().slice(0, 19).split("T");
  return `..${date?.replaceAll("-", "_")}_${time?.replaceAll(":", "_")}.${random}`;
}

/** Tells contents apart. */
export function contentDigest(files: readonly VolumeFile[], fsGroup?: number): string {
  const hash = createHash("sha256");
  for (const { path, content, mode, uid } of files.toSorted(byPath)) {
    hash.update(JSON.stringify([path, content.length, mode, uid]));
    hash.update(content);
  }
  return hash.update(JSON.stringify(fsGroup ?? -1)).digest("hex");
}

/** What the volume may hold from the first program on until the last has run. */
export function duringReplacement({ before, files, folder }: Replacement): PublishedContent {
  return {
    digest: "",
    folders: [...new Set([...before.folders, folder])],
    paths: [...new Set([...before.paths, ...files.map(({ path }) => path)])],
  };
}

/** What the volume holds after it. */
export function afterReplacement({ files, folder, fsGroup }: Replacement): PublishedContent {
  return {
    digest: contentDigest(files, fsGroup),
    folders: [folder],
    paths: files.map(({ path }) => path),
  };
}

/** The programs of a replacement, to be run one after the other. */
export function compileReplacement(replacement: Replacement): Program[] {
  return [...writeContent(replacement), publish(replacement), ...removeOld(replacement)];
}

function writeContent({ volume, files, folder, fsGroup }: Replacement): Program[] {
  const programs: Program[] = [];
  const folders = foldersOf(files.map(({ path }) => path));
  const first = new Program(`content of volume "${volume}"`).from("content");
  const root = openVolume(first, volume);
  makeFolder(first, root, folder, fsGroup);
  // Parents come before what is in them.
  for (const path of folders) {
    const { parent, name } = split(path);
    const directory = openBelow(first, root, join(folder, parent));
    makeFolder(first, directory, name, fsGroup);
    first.close(directory);
  }
  first.close(root);
  programs.push(first);

  let program: Program | undefined;
  let bytes = 0;
  for (const file of files.toSorted(byPath)) {
    const isFull = bytes + file.content.length > mostBytes;
    if (program === undefined || isFull || program.operations.length > mostOperations) {
      program = new Program(`content of volume "${volume}"`);
      programs.push(program);
      bytes = 0;
    }
    bytes += file.content.length;
    writeFile(program, volume, folder, file, fsGroup);
  }
  return programs;
}

function writeFile(
  program: Program,
  volume: string,
  folder: string,
  { path, content, mode, uid }: VolumeFile,
  fsGroup: number | undefined,
): void {
  program.from(`key "${path}"`);
  const root = openVolume(program, volume);
  const { parent, name } = split(path);
  const directory = openBelow(program, root, join(folder, parent));
  const flags = K.O_WRONLY | K.O_CREAT | K.O_EXCL | K.O_NOFOLLOW | K.O_CLOEXEC;
  const file = program.open("openat", [directory, name, flags, 0o600]);
  if (content.length > 0) {
    program.call("write", [file, program.bytes(content), content.length], { whole: true });
  }
  if (uid !== undefined || fsGroup !== undefined) {
    program.call("fchown", [file, uid ?? -1, fsGroup ?? -1]);
  }
  // After fchown, which clears bits. The group of fsGroup may read all of a read-only volume.
  program.call("fchmod", [file, fsGroup === undefined ? mode : mode | 0o440]);
  program.close(file).close(directory).close(root);
}

/** The step, and the links that people see. */
function publish({ volume, before, files, folder, fsGroup }: Replacement): Program {
  const program = new Program(`links of volume "${volume}"`).from("content");
  const root = openVolume(program, volume);
  const link = (target: string, name: string): void => {
    program.call("symlinkat", [target, root, name], { tolerate: ["EEXIST"] });
    if (fsGroup === undefined) return;
    program.call("fchownat", [root, name, -1, fsGroup, K.AT_SYMLINK_NOFOLLOW]);
  };
  // Left by a daemon that was killed half-way.
  program.call("unlinkat", [root, newDataLink, 0], { tolerate: ["ENOENT"] });
  link(folder, newDataLink);
  program.call("renameat2", [root, newDataLink, root, dataLink, 0]);
  const wanted = topNames(files.map(({ path }) => path));
  for (const name of wanted) link(`${dataLink}/${name}`, name);
  for (const name of topNames(before.paths)) {
    if (wanted.has(name)) continue;
    program.call("unlinkat", [root, name, 0], { tolerate: ["ENOENT"] });
  }
  return program.close(root);
}

/** Takes away what nothing leads to any more. What cannot be removed stays until the volume goes. */
function removeOld({ volume, before, folder }: Replacement): Program[] {
  const programs: Program[] = [];
  for (const old of before.folders.filter((name) => name !== folder)) {
    let program = new Program(`old content of volume "${volume}"`).from("old content");
    programs.push(program);
    for (const path of before.paths) {
      if (program.operations.length > mostOperations) {
        program = new Program(program.title).from("old content");
        programs.push(program);
      }
      removeBelow(program, volume, join(old, path), 0);
    }
    for (const path of foldersOf(before.paths).reverse()) {
      removeBelow(program, volume, join(old, path), K.AT_REMOVEDIR);
    }
    removeBelow(program, volume, old, K.AT_REMOVEDIR);
  }
  return programs;
}

function removeBelow(program: Program, volume: string, path: string, flags: number): void {
  const { parent, name } = split(path);
  const root = openVolume(program, volume);
  const directory = openBelow(program, root, parent, { mayLack: true });
  program.call("unlinkat", [directory, name, flags], {
    tolerate: flags === 0 ? ["ENOENT", "EISDIR"] : ["ENOENT", "ENOTDIR", "ENOTEMPTY"],
  });
  program.close(directory).close(root);
}

function openVolume(program: Program, volume: string): Register {
  const flags = K.O_PATH | K.O_DIRECTORY | K.O_NOFOLLOW | K.O_CLOEXEC;
  return program.open("openat", [K.AT_FDCWD, volume, flags]);
}

/** Opens a directory that must stand there itself; "" is `root`. */
function openBelow(
  program: Program,
  root: Register,
  path: string,
  options: { readonly flags?: number; readonly mayLack?: boolean } = {},
): Register {
  const { flags = K.O_PATH, mayLack = false } = options;
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | K.O_DIRECTORY | K.O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(K.RESOLVE_BENEATH | K.RESOLVE_NO_SYMLINKS), 16);
  const text = "{O_DIRECTORY, resolve=BENEATH|NO_SYMLINKS}";
  return program.open("openat2", [root, path || ".", program.bytes(how, text), how.length], {
    tolerate: mayLack ? ["ENOENT", "ENOTDIR"] : [],
  });
}

function makeFolder(program: Program, parent: Register, name: string, fsGroup?: number): void {
  program.call("mkdirat", [parent, name, 0o755]);
  const folder = openBelow(program, parent, name, { flags: K.O_RDONLY });
  if (fsGroup !== undefined) program.call("fchown", [folder, -1, fsGroup]);
  // The kubelet's mask for directories of read-only volumes: the group may read and enter, and is inherited.
  program.call("fchmod", [folder, fsGroup === undefined ? 0o755 : 0o2755]).close(folder);
}

/** The folders on the way to the paths, parents first. */
function foldersOf(paths: readonly string[]): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    const parts = path.split("/");
    for (let depth = 1; depth < parts.length; depth++) folders.add(parts.slice(0, depth).join("/"));
  }
  return [...folders].sort((a, b) => a.split("/").length - b.split("/").length);
}

function topNames(paths: readonly string[]): ReadonlySet<string> {
  return new Set(paths.map((path) => path.split("/")[0] ?? ""));
}

function split(path: string): { readonly parent: string; readonly name: string } {
  const slash = path.lastIndexOf("/");
  return { parent: slash < 0 ? "" : path.slice(0, slash), name: path.slice(slash + 1) };
}

function join(parent: string, name: string): string {
  return parent === "" || name === "" ? parent + name : `${parent}/${name}`;
}

function byPath(a: VolumeFile, b: VolumeFile): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}
