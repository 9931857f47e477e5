/**
 * Directories with hostile content: opened relative to a descriptor, listed as bytes.
 * Source: openat2(2), getdents64(2).
 */
import { type ErrnoName, K } from "./abi.ts";
import { run } from "./ffi.ts";
import { Program, register } from "./program.ts";

const bufferSize = 32_768;
// d_type of getdents64(2).
const directoryType = 4;

export interface Entry {
  /** NUL-terminated. */
  readonly name: Buffer;
  readonly isDirectory: boolean;
}

/**
 * Opens a directory; never through a link in its last part.
 * @param parent - descriptor, or AT_FDCWD for an absolute path. @param name - NUL-terminated.
 * @param resolve - RESOLVE_* flags.
 * @returns the descriptor, or a negative errno that is in `tolerate`.
 * @throws SyscallError
 */
export function openDirectory(
  parent: number,
  name: Buffer,
  resolve: number,
  tolerate: readonly ErrnoName[] = [],
): number {
  const program = new Program("open directory");
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(K.O_RDONLY | K.O_DIRECTORY | K.O_NOFOLLOW | K.O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  const operands = [parent, program.bytes(name), program.bytes(how), how.length];
  const fd = program.open("openat2", operands, { tolerate });
  return Number(run("Cannot open a directory", program).registers[fd.number]);
}

/** The next portion of a directory's entries, without "." and ".."; empty at the end. */
export function readEntries(fd: number): readonly Entry[] {
  const program = new Program("list directory", 1);
  const buffer = program.buffer(bufferSize);
  const count = program.open("getdents64", [register(0), buffer, bufferSize]);
  const done = run("Cannot list a directory", program, [fd]);
  const length = Number(done.registers[count.number]);
  return parseEntries(program.bytesOf(done.encoded, buffer).subarray(0, length));
}

/** struct linux_dirent64: ino u64, off i64, reclen u16, type u8, name. */
function parseEntries(buffer: Buffer): readonly Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < buffer.length; at += buffer.readUInt16LE(at + 16)) {
    const start = at + 19;
    const name = Buffer.from(buffer.subarray(start, buffer.indexOf(0, start) + 1));
    const text = name.toString("latin1");
    if (text === ".\0" || text === "..\0") continue;
    entries.push({ name, isDirectory: buffer.readUInt8(at + 18) === directoryType });
  }
  return entries;
}

export function closeDescriptor(fd: number): void {
  run("Cannot close a directory", new Program("close").call("close", [fd]));
}
