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

/** The programs of a replacement, to be run one after the other: one, unless there is much to write. */
export function compileReplacement(replacement: Replacement): Program[] {
  const parts = new Parts(`content of volume "${replacement.volume}"`);
  writeContent(parts, replacement);
  publish(parts, replacement);
  removeOld(parts, replacement);
  return parts.programs;
}

/** Cuts a long list of steps into programs; every step opens what it needs, so any cut will do. */
class Parts {
  readonly programs: Program[] = [];
  readonly #title: string;
  #bytes = 0;

  constructor(title: string) {
    this.#title = title;
  }

  /** The program for the next step. @param bytes - that the step adds */
  next(bytes = 0): Program {
    const last = this.programs.at(-1);
    const isFull =
      last === undefined ||
      last.operations.length > mostOperations ||
      (this.#bytes > 0 && this.#bytes + bytes > mostBytes);
    this.#bytes = isFull ? bytes : this.#bytes + bytes;
    if (!isFull) return last;
    const program = new Program(this.#title);
    this.programs.push(program);
    return program;
  }
}

function writeContent(parts: Parts, { volume, files, folder, fsGroup }: Replacement): void {
  // Parents come before what is in them.
  for (const path of ["", ...foldersOf(files.map((file) => file.path))]) {
    const program = parts.next().from(path === "" ? "content" : `path "${path}"`);
    const { parent, name } = split(join(folder, path));
    inFolder(program, volume, parent, (directory) => {
      makeFolder(program, directory, name, fsGroup);
    });
  }
  for (const file of files.toSorted(byPath)) {
    const program = parts.next(file.content.length).from(`key "${file.path}"`);
    const { parent, name } = split(join(folder, file.path));
    inFolder(program, volume, parent, (directory) => {
      writeFile(program, directory, name, file, fsGroup);
    });
  }
}

function writeFile(
  program: Program,
  directory: Register,
  name: string,
  { content, mode, uid }: VolumeFile,
  fsGroup: number | undefined,
): void {
  const flags = K.O_WRONLY | K.O_CREAT | K.O_EXCL | K.O_NOFOLLOW | K.O_CLOEXEC;
  const file = program.open("openat", [directory, name, flags, 0o600]);
  if (content.length > 0) {
    program.call("write", [file, program.bytes(content), content.length], { whole: true });
  }
  if (uid !== undefined || fsGroup !== undefined) {
    program.call("fchown", [file, uid ?? -1, fsGroup ?? -1]);
  }
  // After fchown, which clears bits. The group of fsGroup may read all of a read-only volume.
  program.call("fchmod", [file, fsGroup === undefined ? mode : mode | 0o440]).close(file);
}

function makeFolder(program: Program, parent: Register, name: string, fsGroup?: number): void {
  program.call("mkdirat", [parent, name, 0o755]);
  const folder = openBelow(program, parent, name, { flags: K.O_RDONLY });
  if (fsGroup !== undefined) program.call("fchown", [folder, -1, fsGroup]);
  // The kubelet's mask for directories of read-only volumes: the group may read and enter, and is inherited.
  program.call("fchmod", [folder, fsGroup === undefined ? 0o755 : 0o2755]).close(folder);
}

/** The step, and the links that people see. */
function publish(parts: Parts, { volume, before, files, folder, fsGroup }: Replacement): void {
  const step = parts.next().from("content");
  inFolder(step, volume, "", (root) => {
    // Left by a daemon that was killed half-way.
    step.call("unlinkat", [root, newDataLink, 0], { tolerate: ["ENOENT"] });
    makeLink(step, root, folder, newDataLink, fsGroup);
    step.call("renameat2", [root, newDataLink, root, dataLink, 0]);
  });
  const wanted = topNames(files.map(({ path }) => path));
  for (const name of wanted) {
    const program = parts.next().from(`key "${name}"`);
    inFolder(program, volume, "", (root) => {
      makeLink(program, root, `${dataLink}/${name}`, name, fsGroup);
    });
  }
  for (const name of topNames(before.paths)) {
    if (!wanted.has(name)) remove(parts, volume, name, 0);
  }
}

function makeLink(
  program: Program,
  root: Register,
  target: string,
  name: string,
  fsGroup: number | undefined,
): void {
  program.call("symlinkat", [target, root, name], { tolerate: ["EEXIST"] });
  if (fsGroup === undefined) return;
  program.call("fchownat", [root, name, -1, fsGroup, K.AT_SYMLINK_NOFOLLOW]);
}

/** Takes away what nothing leads to any more. What cannot be removed stays until the volume goes. */
function removeOld(parts: Parts, { volume, before, folder }: Replacement): void {
  for (const old of before.folders.filter((name) => name !== folder)) {
    for (const path of before.paths) remove(parts, volume, join(old, path), 0);
    for (const path of [...foldersOf(before.paths).reverse(), ""]) {
      remove(parts, volume, join(old, path), K.AT_REMOVEDIR);
    }
  }
}

function remove(parts: Parts, volume: string, path: string, flags: number): void {
  const program = parts.next().from("old content");
  const { parent, name } = split(path);
  const use = (directory: Register): void => {
    program.call("unlinkat", [directory, name, flags], {
      tolerate: flags === 0 ? ["ENOENT", "EISDIR"] : ["ENOENT", "ENOTDIR", "ENOTEMPTY"],
    });
  };
  inFolder(program, volume, parent, use, true);
}

/** Adds steps in a folder of the volume; "" is the volume itself. @param mayLack - they are left out without it */
function inFolder(
  program: Program,
  volume: string,
  path: string,
  use: (directory: Register) => void,
  mayLack = false,
): void {
  const root = openVolume(program, volume);
  if (path === "") {
    use(root);
  } else {
    const directory = openBelow(program, root, path, { mayLack });
    use(directory);
    program.close(directory);
  }
  program.close(root);
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
    // A link is not what we made: what it hides stays.
    tolerate: mayLack ? ["ENOENT", "ENOTDIR", "ELOOP"] : [],
  });
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
