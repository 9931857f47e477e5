/**
 * A tar stream into a folder of this machine: for `nspod cp` out of a container, whose content is hostile.
 *
 * Invariant: nothing outside of the target is touched, whatever names the stream has and whatever symbolic links
 * stand in the target: names with ".." are refused, every folder on the way must be a real one, files are opened
 * with O_NOFOLLOW, and no link, device or set-id bit comes from the stream. What is refused is told and left out.
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, mkdir, open, stat } from "node:fs/promises";
import { hasCode, messageOf } from "../base/errors.ts";
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

class TreeUnpacker implements TarVisitor {
  readonly #options: UnpackTreeOptions;
  /** Folders that were looked at or made, one character per byte. */
  readonly #folders = new Set<string>();
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
    const path = [Buffer.from(target).toString("latin1"), ...below].join("/");
    if (entry.type !== "file" && entry.type !== "directory") {
      const link = entry.linkName === "" ? "" : ` to ${printableName(entry.linkName)}`;
      onLeftOut(`${named} is left out: it is a ${entry.type}${link}`);
      return;
    }
    try {
      const isRoot = below.length === 0;
      if (!isRoot) await this.#makeParents(path, below.length);
      if (entry.type === "directory") await this.#makeFolder(path, entry.mode, isRoot);
      else if (isRoot) this.#file = await openFile(await this.#rootFile(), entry.mode, true);
      else this.#file = await openFile(path, entry.mode, false);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      onLeftOut(`${named} is left out: ${messageOf(error)}`);
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
    await this.close();
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #rootFile(): Promise<string> {
    const { target, name } = this.#options;
    const isFolder = await stat(target).then(
      (stats) => stats.isDirectory(),
      () => false,
    );
    return Buffer.from(isFolder ? `${target}/${name}` : target).toString("latin1");
  }

  async #makeParents(path: string, depth: number): Promise<void> {
    const parts = path.split("/");
    for (let left = depth; left > 0; left--) {
      await this.#makeFolder(parts.slice(0, parts.length - left).join("/"), 0o755, left === depth);
    }
  }

  /** @param isRoot - the user named it and may have named a link. */
  async #makeFolder(path: string, mode: number, isRoot: boolean): Promise<void> {
    if (this.#folders.has(path)) return;
    const bytes = Buffer.from(path, "latin1");
    try {
      // The owner can always go on; the umask takes what it shall.
      await mkdir(bytes, (mode & 0o777) | 0o700);
    } catch (error) {
      if (!hasCode(error, "EEXIST")) throw error;
      const stats: Stats = isRoot ? await stat(bytes) : await lstat(bytes);
      if (!stats.isDirectory()) {
        throw new Refusal(`"${bytes.toString()}" exists and is no folder`);
      }
    }
    this.#folders.add(path);
  }
}

/** Why an entry cannot be taken that others do not share. */
class Refusal extends Error {}

function isRefusal(error: unknown): boolean {
  return error instanceof Refusal || hasCode(error, "ELOOP", "EISDIR", "ENOTDIR", "ENAMETOOLONG");
}

async function openFile(path: string, mode: number, isRoot: boolean): Promise<FileHandle> {
  const { O_WRONLY, O_CREAT, O_TRUNC, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;
  const flags = O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK | O_NOCTTY | (isRoot ? 0 : O_NOFOLLOW);
  return await open(Buffer.from(path, "latin1"), flags, mode & 0o777);
}
