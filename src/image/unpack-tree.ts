/**
 * A tar stream into a folder of this machine: for `nspod cp` out of a container, whose content is hostile.
 *
 * Invariant: nothing outside of the target is touched, whatever names the stream has, whatever stands in the target, and
 * whatever becomes a link meanwhile: names with ".." are refused, every folder on the way is a real one and is held
 * (held-entry.ts), only plain files are written, and no link, device or set-id bit comes from the stream. What is
 * refused is told and left out.
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { invariant } from "../base/assert.ts";
import { hasCode, messageOf } from "../base/errors.ts";
import { entryPath, errorAt, holdEntry } from "./held-entry.ts";
import { readTar, type TarEntry, type TarVisitor } from "./read-tar.ts";
import { printableName } from "./tar-guard.ts";

export interface UnpackTreeOptions {
  /** The path that the first entry gets; the others are below it by their names without the first part. */
  readonly target: string;
  /** What a single file is called when the target is a folder. */
  readonly name: string;
  /** Hears why an entry was left out. */
  readonly onLeftOut: (sentence: string) => void;
}

/** Nobody runs out of memory by names or headers. */
const limits = { headerBytes: 1 << 20, entries: 10_000_000, needsEndMark: true } as const;

/** @throws PodError when the stream is no tar; Error when a file cannot be written. */
export async function unpackTree(
  source: AsyncIterable<Buffer>,
  options: UnpackTreeOptions,
): Promise<void> {
  const unpacker = new TreeUnpacker(options);
  try {
    await readTar(source, unpacker, limits);
  } finally {
    await unpacker.close();
  }
}

interface HeldFolder {
  /** One character per byte. */
  readonly name: string;
  readonly folder: FileHandle;
}

class TreeUnpacker implements TarVisitor {
  readonly #options: UnpackTreeOptions;
  /** The target and the folders below it, down to the one of the last entry. */
  readonly #held: HeldFolder[] = [];
  #file: FileHandle | undefined;

  constructor(options: UnpackTreeOptions) {
    this.#options = options;
  }

  async begin(entry: TarEntry): Promise<void> {
    const { target, onLeftOut } = this.#options;
    const parts = entry.name.split("/").filter((part) => part !== "" && part !== ".");
    const named = printableName(entry.name);
    if (entry.name.startsWith("/") || parts.includes("..")) {
      onLeftOut(`${named} is left out: its name leads out of the target`);
      return;
    }
    // "web/a/b" and "./a/b" are "a/b" below the target.
    const below = entry.name.startsWith("./") ? parts : parts.slice(1);
    if (entry.type !== "file" && entry.type !== "directory") {
      const link = entry.linkName === "" ? "" : ` to ${printableName(entry.linkName)}`;
      onLeftOut(`${named} is left out: it is a ${entry.type}${link}`);
      return;
    }
    try {
      if (entry.type === "directory") await this.#enter(below, entry.mode);
      else this.#file = await this.#openFile(below, entry.mode);
    } catch (error) {
      if (!isRefusal(error)) throw errorAt(shownPath(target, below), error);
      const reason = error instanceof Refusal ? error : errorAt(shownPath(target, below), error);
      onLeftOut(`${named} is left out: ${messageOf(reason)}`);
    }
  }

  async data(chunk: Buffer): Promise<void> {
    if (this.#file === undefined) return;
    let rest = chunk;
    while (rest.length > 0) {
      const { bytesWritten } = await this.#file.write(rest);
      rest = rest.subarray(bytesWritten);
    }
  }

  async end(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async close(): Promise<void> {
    await this.end();
    await this.#leave(0);
  }

  /** @param below - parts of its name below the target; none for the target itself. */
  async #openFile(below: readonly string[], mode: number): Promise<FileHandle> {
    const name = below.at(-1);
    if (name !== undefined) {
      const folder = await this.#enter(below.slice(0, -1), 0o755);
      return await openPlain(folder, name, mode);
    }
    const target = await hold(Buffer.from(this.#options.target), true);
    await using held = target;
    const isFolder = held !== undefined && (await held.stat()).isDirectory();
    if (isFolder) return await openPlain(held, latin1(this.#options.name), mode);
    // The user named it, and may have named a link or a device.
    return await open(this.#options.target, writing | O_CREAT, mode & 0o777);
  }

  /** Comes to a folder below the target; makes those that are missing. */
  async #enter(below: readonly string[], mode: number): Promise<FileHandle> {
    const names = ["", ...below];
    const shared = names.findIndex((name, depth) => this.#held[depth]?.name !== name);
    await this.#leave(shared < 0 ? names.length : shared);
    let last = this.#held.at(-1)?.folder;
    for (const [depth, name] of names.entries()) {
      if (depth < this.#held.length) continue;
      const path =
        last === undefined ? Buffer.from(this.#options.target) : entryPath(last, bytes(name));
      const folder = await makeFolder(
        path,
        shownPath(this.#options.target, below.slice(0, depth)),
        depth === below.length ? mode : 0o755,
        // The user named the target, and may have named a link.
        depth === 0,
      );
      this.#held.push({ name, folder });
      last = folder;
    }
    invariant(last !== undefined, "the target itself is always entered");
    return last;
  }

  async #leave(depth: number): Promise<void> {
    for (const { folder } of this.#held.splice(depth)) await folder.close();
  }
}

const { O_WRONLY, O_TRUNC, O_NONBLOCK, O_NOCTTY, O_CREAT, O_EXCL } = constants;
const writing = O_WRONLY | O_TRUNC | O_NONBLOCK | O_NOCTTY;

function latin1(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function bytes(name: string): Buffer {
  return Buffer.from(name, "latin1");
}

function shownPath(target: string, below: readonly string[]): string {
  return [target, ...below.map((part) => bytes(part).toString())].join("/");
}

/** What stands there; undefined when nothing does. */
async function hold(path: Buffer, follows: boolean): Promise<FileHandle | undefined> {
  try {
    return await holdEntry(path, follows);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

async function makeFolder(
  path: Buffer,
  shown: string,
  mode: number,
  follows: boolean,
): Promise<FileHandle> {
  try {
    // The owner can always go on; the umask takes what it shall.
    await mkdir(path, (mode & 0o777) | 0o700);
  } catch (error) {
    if (!hasCode(error, "EEXIST")) throw error;
  }
  const folder = await holdEntry(path, follows);
  if ((await folder.stat()).isDirectory()) return folder;
  await folder.close();
  throw new Refusal(`"${shown}" exists and is no folder`);
}

/** Opens a file in a held folder: a new one, or the plain one that stands there. @param name - a byte a character. */
async function openPlain(folder: FileHandle, name: string, mode: number): Promise<FileHandle> {
  const path = entryPath(folder, bytes(name));
  await using there = await hold(path, false);
  if (there === undefined) return await open(path, writing | O_CREAT | O_EXCL, mode & 0o777);
  const stats = await there.stat();
  if (stats.isFile()) return await open(entryPath(there), writing);
  throw new Refusal(`a ${kindOf(stats)} stands in its place`);
}

function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return "folder";
  if (stats.isSymbolicLink()) return "symbolic link";
  return stats.isFIFO() ? "pipe" : stats.isSocket() ? "socket" : "device";
}

/** Why an entry cannot be taken that others do not share. */
class Refusal extends Error {}

function isRefusal(error: unknown): boolean {
  return error instanceof Refusal || hasCode(error, "EEXIST", "ENOTDIR", "ENAMETOOLONG");
}
