/**
 * fsGroup: gives the files of a volume to a group, as the kubelet does before the containers of a pod start.
 *
 *   every entry   group = fsGroup
 *   files         mode | 0660 (0440 in a read-only volume)      directories   mode | 02770 (02550)
 *
 * The content is hostile: names are bytes, every step is relative to a descriptor, no link is followed, no mount is
 * entered (security: VOL-07). The root comes last, so a walk that was cut off is seen as such by OnRootMismatch.
 * Source: Kubernetes "Configure volume permission and ownership change policy for Pods"; pkg/volume/volume_linux.go.
 */
import { setImmediate } from "node:timers/promises";
import { PodError } from "../base/errors.ts";
import { K } from "../sys/abi.ts";
import { closeDescriptor, type Entry, openDirectory, readEntries } from "../sys/directory.ts";
import { run } from "../sys/ffi.ts";
import { type PoolPointer, Program, register } from "../sys/program.ts";

export interface Ownership {
  /** Group id of fsGroup. */
  readonly group: number;
  readonly isReadOnly: boolean;
  /** Leave the tree alone when its root is as it should be: `fsGroupChangePolicy: OnRootMismatch`. */
  readonly onlyOnMismatch: boolean;
}

/** Deeper trees are refused: nobody who means well makes them, and each level costs a descriptor. */
const maxDepth = 500;

/** Entries of one program. */
const portion = 256;

interface Facts {
  readonly mode: number;
  readonly group: number;
}

/**
 * @param path - absolute, trusted; its content is not.
 * @throws SyscallError; PodError FailedPrecondition for a tree that is deeper than 500 levels.
 */
export async function applyOwnership(path: string, ownership: Ownership): Promise<void> {
  const root = openDirectory(K.AT_FDCWD, Buffer.from(`${path}\0`), 0);
  try {
    const [facts] = look(root, [Buffer.from("\0")]);
    if (facts === undefined) return;
    const wanted = facts.mode | directoryMask(ownership);
    const isRight = facts.group === ownership.group && facts.mode === wanted;
    if (ownership.onlyOnMismatch && isRight) return;
    await applyBelow(root, ownership, 0);
    applyToDirectory(root, facts, ownership);
  } finally {
    closeDescriptor(root);
  }
}

function fileMask({ isReadOnly }: Ownership): number {
  return isReadOnly ? 0o440 : 0o660;
}

function directoryMask({ isReadOnly }: Ownership): number {
  return isReadOnly ? 0o2550 : 0o2770;
}

async function applyBelow(fd: number, ownership: Ownership, depth: number): Promise<void> {
  if (depth > maxDepth) {
    const message = `applyFSGroup failed: its folders are nested deeper than ${maxDepth} levels`;
    throw new PodError("FailedPrecondition", message);
  }
  for (let entries = readEntries(fd); entries.length > 0; entries = readEntries(fd)) {
    for (let from = 0; from < entries.length; from += portion) {
      await applyTo(fd, entries.slice(from, from + portion), ownership, depth);
      await setImmediate();
    }
  }
}

async function applyTo(
  fd: number,
  entries: readonly Entry[],
  ownership: Ownership,
  depth: number,
): Promise<void> {
  const facts = look(
    fd,
    entries.map(({ name }) => name),
  );
  const program = new Program("owner of files");
  for (const [index, { name }] of entries.entries()) {
    const known = facts[index];
    if (known !== undefined && !isDirectory(known))
      applyToFile(program, fd, name, known, ownership);
  }
  if (program.operations.length > 0) run("Cannot change the owner of files", program);
  for (const [index, { name }] of entries.entries()) {
    const known = facts[index];
    if (known === undefined || !isDirectory(known)) continue;
    const resolve = K.RESOLVE_NO_XDEV | K.RESOLVE_NO_SYMLINKS | K.RESOLVE_BENEATH;
    const child = openDirectory(fd, name, resolve, ["ENOENT", "EXDEV", "ENOTDIR"]);
    if (child < 0) continue;
    try {
      await applyBelow(child, ownership, depth + 1);
      applyToDirectory(child, known, ownership);
    } finally {
      closeDescriptor(child);
    }
  }
}

/** Group first: changing it drops set-user-id and set-group-id, which the mode then brings back. */
function applyToFile(
  program: Program,
  fd: number,
  name: Buffer,
  { mode, group }: Facts,
  ownership: Ownership,
): void {
  const isOther = group !== ownership.group;
  const tolerate = ["ENOENT"] as const;
  if (isOther) {
    const owner = [-1, ownership.group, K.AT_SYMLINK_NOFOLLOW];
    program.call("fchownat", [fd, program.bytes(name), ...owner], { tolerate });
  }
  // The modes of links, sockets and devices stay: only a regular file can be opened without an effect.
  if ((mode & K.S_IFMT) !== K.S_IFREG) return;
  const wanted = (mode & 0o7777) | fileMask(ownership);
  if (!isOther && wanted === (mode & 0o7777)) return;
  const how = Buffer.alloc(24);
  const flags = K.O_RDONLY | K.O_NOFOLLOW | K.O_NONBLOCK | K.O_NOCTTY | K.O_CLOEXEC;
  how.writeBigUInt64LE(BigInt(flags), 0);
  how.writeBigUInt64LE(BigInt(K.RESOLVE_NO_XDEV | K.RESOLVE_BENEATH), 16);
  const operands = [fd, program.bytes(name), program.bytes(how), how.length];
  const file = program.open("openat2", operands, { tolerate: ["ENOENT", "ELOOP", "EXDEV"] });
  program.call("fchmod", [file, wanted]).close(file);
}

function applyToDirectory(fd: number, { mode, group }: Facts, ownership: Ownership): void {
  const wanted = (mode & 0o7777) | directoryMask(ownership);
  if (group === ownership.group && wanted === (mode & 0o7777)) return;
  const program = new Program("owner of a directory");
  program.call("fchownat", [fd, "", -1, ownership.group, K.AT_EMPTY_PATH]);
  program.call("fchmod", [fd, wanted]);
  run("Cannot change the owner of a directory", program);
}

function isDirectory({ mode }: Facts): boolean {
  return (mode & K.S_IFMT) === K.S_IFDIR;
}

/** Mode and group of entries; undefined for those that are gone. An empty name is the directory itself. */
function look(fd: number, names: readonly Buffer[]): (Facts | undefined)[] {
  const program = new Program("look at files", 1);
  const stats: PoolPointer[] = names.map((name) => {
    const stat = program.buffer(256);
    const flags =
      K.AT_SYMLINK_NOFOLLOW | K.AT_NO_AUTOMOUNT | (name.length === 1 ? K.AT_EMPTY_PATH : 0);
    const operands = [register(0), program.bytes(name), flags, K.STATX_BASIC_STATS, stat];
    program.call("statx", operands, { tolerate: ["ENOENT"] });
    return stat;
  });
  const done = run("Cannot look at files", program, [fd]);
  return stats.map((stat) => {
    // statx(2): stx_gid is the u32 at offset 24, stx_mode the u16 at 28.
    const bytes = program.bytesOf(done.encoded, stat);
    const mode = bytes.readUInt16LE(28);
    return mode === 0 ? undefined : { mode, group: bytes.readUInt32LE(24) };
  });
}
