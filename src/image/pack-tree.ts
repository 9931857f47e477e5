/**
 * A file or folder of this machine as a tar stream whose first entry is "." : for `nspod cp` into a container.
 * Symbolic links are packed as they are, but for the path itself, which is followed. Special files are left out.
 *
 * The tree may change meanwhile, also by a container that shares it: what is read is what was held (held-entry.ts).
 */
import { constants, type Stats } from "node:fs";
import { type FileHandle, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Header, pack } from "tar-stream";
import { PodError } from "../base/errors.ts";
import { entryPath, errorAt, holdEntry } from "./held-entry.ts";

type Pack = ReturnType<typeof pack>;
type PackedHeader = Partial<Header> & Pick<Header, "name">;

interface Source {
  /** For people. */
  readonly path: string;
  /** What it is looked up by: `path`, or its name in a held folder. */
  readonly from: Buffer;
  /** In the archive. */
  readonly name: string;
}

/**
 * @param onLeftOut - hears of paths that are neither file, folder nor link.
 * @returns the stream; an error of a file that cannot be read ends it.
 */
export function packTree(path: string, onLeftOut: (path: string) => void): Readable {
  const tar = pack();
  const write = async (): Promise<void> => {
    await packEntry(tar, { path, from: Buffer.from(path), name: "." }, true, onLeftOut);
    tar.finalize();
  };
  write().catch((error: unknown) => {
    tar.destroy(error instanceof Error ? error : new Error(String(error)));
  });
  // streamx streams are iterable; their own types do not say what comes out.
  return Readable.from(tar as unknown as AsyncIterable<Buffer>, { objectMode: false });
}

async function packEntry(
  tar: Pack,
  source: Source,
  follows: boolean,
  onLeftOut: (path: string) => void,
): Promise<void> {
  const { path, from, name } = source;
  try {
    await using held = await holdEntry(from, follows);
    const stats = await held.stat();
    if (stats.isDirectory()) {
      await packFolder(tar, held, source, stats, onLeftOut);
    } else if (stats.isSymbolicLink()) {
      const linkname = await readlink(from);
      await packHeader(tar, { ...headerOf(name, stats), type: "symlink", linkname });
    } else if (stats.isFile()) {
      await packFile(tar, held, source, stats);
    } else {
      onLeftOut(path);
    }
  } catch (error) {
    throw errorAt(path, error);
  }
}

async function packFolder(
  tar: Pack,
  held: FileHandle,
  { path, name }: Source,
  stats: Stats,
  onLeftOut: (path: string) => void,
): Promise<void> {
  await packHeader(tar, { ...headerOf(name, stats), type: "directory" });
  for (const child of (await readdir(entryPath(held))).sort()) {
    const from = entryPath(held, Buffer.from(child));
    await packEntry(
      tar,
      { path: join(path, child), from, name: `${name}/${child}` },
      false,
      onLeftOut,
    );
  }
}

async function packHeader(tar: Pack, header: PackedHeader): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  tar.entry(header, (error) => {
    if (error) reject(error);
    else resolve();
  });
  await promise;
}

async function packFile(
  tar: Pack,
  held: FileHandle,
  { path, name }: Source,
  stats: Stats,
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const entry = tar.entry({ ...headerOf(name, stats), type: "file", size: stats.size }, (error) => {
    if (error) reject(error);
    else resolve();
  });
  // An error of the content comes both ways.
  promise.catch(() => undefined);
  if (stats.size > 0) {
    const file = await open(entryPath(held), constants.O_RDONLY);
    // What a growing file has beyond its size belongs to no entry.
    const content = file.createReadStream({ end: stats.size - 1 });
    const checked = (chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> =>
      whole(chunks, stats.size, path);
    await pipeline(content, checked, entry as unknown as NodeJS.WritableStream);
  } else {
    entry.end(Buffer.alloc(0));
  }
  await promise;
}

/** The bytes of a file. @throws PodError at the end when there were too few; before tar-stream counts them. */
async function* whole(
  chunks: AsyncIterable<Buffer>,
  size: number,
  path: string,
): AsyncGenerator<Buffer> {
  let left = size;
  for await (const chunk of chunks) {
    left -= chunk.length;
    yield chunk;
  }
  if (left === 0) return;
  throw new PodError("FailedPrecondition", `"${path}" has become shorter while it was read`);
}

function headerOf(name: string, stats: Stats): PackedHeader {
  const { mode, uid, gid, mtime } = stats;
  return { name, mode: mode & 0o7777, uid, gid, mtime };
}
