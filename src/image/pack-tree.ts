/**
 * A file or folder of this machine as a tar stream whose first entry is "." : for `nspod cp` into a container.
 * Symbolic links are packed as they are, but for the path itself, which is followed. Special files are left out.
 */
import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { type Header, pack } from "tar-stream";
import { PodError } from "../base/errors.ts";

type Pack = ReturnType<typeof pack>;
type PackedHeader = Partial<Header> & Pick<Header, "name">;

/**
 * @param onLeftOut - hears of paths that are neither file, folder nor link.
 * @returns the stream; an error of a file that cannot be read ends it.
 */
export function packTree(path: string, onLeftOut: (path: string) => void): Readable {
  const tar = pack();
  const write = async (): Promise<void> => {
    await packEntry(tar, path, ".", await stat(path), onLeftOut);
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
  path: string,
  name: string,
  stats: Stats,
  onLeftOut: (path: string) => void,
): Promise<void> {
  if (stats.isDirectory()) {
    await packFolder(tar, path, name, stats, onLeftOut);
  } else if (stats.isSymbolicLink()) {
    await packHeader(tar, {
      ...headerOf(name, stats),
      type: "symlink",
      linkname: await readlink(path),
    });
  } else if (stats.isFile()) {
    await packFile(tar, path, name, stats);
  } else {
    onLeftOut(path);
  }
}

async function packFolder(
  tar: Pack,
  path: string,
  name: string,
  stats: Stats,
  onLeftOut: (path: string) => void,
): Promise<void> {
  await packHeader(tar, { ...headerOf(name, stats), type: "directory" });
  for (const child of (await readdir(path)).sort()) {
    const childPath = join(path, child);
    await packEntry(tar, childPath, `${name}/${child}`, await lstat(childPath), onLeftOut);
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

async function packFile(tar: Pack, path: string, name: string, stats: Stats): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const entry = tar.entry({ ...headerOf(name, stats), type: "file", size: stats.size }, (error) => {
    if (error) reject(error);
    else resolve();
  });
  if (stats.size > 0) {
    // What a growing file has beyond its size belongs to no entry.
    const content = createReadStream(path, { end: stats.size - 1 });
    let size = 0;
    content.on("data", (chunk) => {
      size += chunk.length;
    });
    await pipeline(content, entry as unknown as NodeJS.WritableStream);
    if (size < stats.size) {
      throw new PodError("FailedPrecondition", `"${path}" has become shorter while it was read`);
    }
  } else {
    entry.end(Buffer.alloc(0));
  }
  await promise;
}

function headerOf(name: string, stats: Stats): PackedHeader {
  const { mode, uid, gid, mtime } = stats;
  return { name, mode: mode & 0o7777, uid, gid, mtime };
}
