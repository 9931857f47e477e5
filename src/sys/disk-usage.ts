/**
 * The bytes that a tree of hostile content occupies, as du(1) counts them: allocated blocks, each
 * inode once is not attempted (a hard link inside the tree counts twice, as for the kubelet).
 *
 * Names are bytes, every step is relative to a descriptor, links are not followed and mounts are
 * not entered. The depth is bounded by the descriptors this process may hold.
 */
import { setImmediate } from "node:timers/promises";
import { K } from "./abi.ts";
import { closeDescriptor, type Entry, openDirectory, readEntries } from "./directory.ts";
import { run } from "./ffi.ts";
import { Program } from "./program.ts";

/** Deeper trees count as infinitely large: nobody who means well makes them. */
const maxDepth = 500;

// statx(2): STATX_BLOCKS; stx_blocks is the u64 at offset 48, in units of 512 bytes.
const statxBlocks = 0x400;
const blocksOffset = 48;

/**
 * @param path - absolute, trusted; its content is not.
 * @returns bytes; Infinity for a tree that is deeper than 500 levels.
 * @throws SyscallError
 */
export async function diskUsage(path: string): Promise<number> {
  const root = openDirectory(K.AT_FDCWD, Buffer.from(`${path}\0`), 0);
  try {
    return await usageBelow(root, 0);
  } finally {
    closeDescriptor(root);
  }
}

async function usageBelow(fd: number, depth: number): Promise<number> {
  if (depth > maxDepth) return Number.POSITIVE_INFINITY;
  let bytes = 0;
  for (let entries = readEntries(fd); entries.length > 0; entries = readEntries(fd)) {
    bytes += usageOf(fd, entries);
    for (const { name, isDirectory } of entries) {
      if (isDirectory) bytes += await usageOfDirectory(fd, name, depth);
    }
    await setImmediate();
  }
  return bytes;
}

async function usageOfDirectory(parent: number, name: Buffer, depth: number): Promise<number> {
  const child = openDirectory(parent, name, K.RESOLVE_NO_XDEV | K.RESOLVE_NO_SYMLINKS, [
    "ENOENT",
    "EXDEV",
  ]);
  if (child < 0) return 0;
  try {
    return await usageBelow(child, depth + 1);
  } finally {
    closeDescriptor(child);
  }
}

function usageOf(fd: number, entries: readonly Entry[]): number {
  const program = new Program("disk usage");
  const stats = entries.map(({ name }) => {
    const stat = program.buffer(256);
    const flags = K.AT_SYMLINK_NOFOLLOW | K.AT_NO_AUTOMOUNT;
    // ENOENT: removed since it was listed; the zeroed buffer counts as nothing.
    program.call("statx", [fd, program.bytes(name), flags, statxBlocks, stat], {
      tolerate: ["ENOENT"],
    });
    return stat;
  });
  const done = run("Cannot measure files", program);
  return stats.reduce(
    (sum, stat) =>
      sum + 512 * Number(program.bytesOf(done.encoded, stat).readBigUInt64LE(blocksOffset)),
    0,
  );
}
