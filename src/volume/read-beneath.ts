/**
 * Reads a file of a volume that containers write to.
 *
 * Runs in the shim, where every volume is mounted. Nothing leads out of the volume, no link is followed, a device has
 * no effect and a FIFO does not block, because the file is opened through a private clone of the mount that knows no
 * devices (security: R1, VOL-01). Source: openat2(2), open_tree(2), mount_setattr(2).
 */
import { PodError } from "../base/errors.ts";
import { K } from "../sys/abi.ts";
import type { Run } from "../sys/ffi.ts";
import { Program } from "../sys/program.ts";

/** Files of variables are small; more than this is a mistake or an attack. */
export const largestFile: number = 256 << 10;

export interface FileReader {
  readonly program: Program;
  /** @returns undefined when there is no such file. @throws PodError when it is too large or no file. */
  readonly decode: (run: Run) => Buffer | undefined;
}

/** @param folder - absolute path of the volume. @param path - relative, below it. */
export function readBeneath(folder: string, path: string): FileReader {
  const program = new Program(`read "${path}" of a volume`).from(`file "${path}"`);
  const flags = (K.OPEN_TREE_CLONE | K.OPEN_TREE_CLOEXEC) >>> 0;
  const tree = program.open("open_tree", [K.AT_FDCWD, folder, flags]);
  const attributes = Buffer.alloc(32);
  attributes.writeBigUInt64LE(BigInt(K.MOUNT_ATTR_NODEV), 0);
  const attr = program.bytes(attributes, "{attr_set=NODEV}");
  program.call("mount_setattr", [tree, "", K.AT_EMPTY_PATH, attr, attributes.length]);

  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(K.O_RDONLY | K.O_NONBLOCK | K.O_NOCTTY | K.O_CLOEXEC), 0);
  const resolve = K.RESOLVE_BENEATH | K.RESOLVE_NO_SYMLINKS | K.RESOLVE_NO_XDEV;
  how.writeBigUInt64LE(BigInt(resolve), 16);
  const howText = "{O_RDONLY|O_NONBLOCK, resolve=BENEATH|NO_SYMLINKS|NO_XDEV}";
  const file = program.open("openat2", [tree, path, program.bytes(how, howText), how.length], {
    tolerate: ["ENOENT", "ENOTDIR"],
  });
  const stat = program.buffer(256);
  // STATX_TYPE = 1; stx_mode is the 16-bit field at offset 28 (statx(2)).
  program.call("statx", [file, "", K.AT_EMPTY_PATH, 1, stat]);
  const content = program.buffer(largestFile + 1);
  const count = program.open("read", [file, content, content.length], {
    // A directory, or a FIFO with a writer: statx has told already.
    tolerate: ["EISDIR", "EAGAIN"],
  });
  program.close(file).close(tree);

  const decode = ({ registers, encoded }: Run): Buffer | undefined => {
    if ((registers[file.number] ?? -1n) < 0n) return undefined;
    const mode = program.bytesOf(encoded, stat).readUInt16LE(28);
    const length = Number(registers[count.number]);
    if ((mode & K.S_IFMT) !== K.S_IFREG || length > largestFile) {
      const why = length > largestFile ? `is larger than ${largestFile} bytes` : "is no file";
      throw new PodError("FailedPrecondition", `Cannot read "${path}" of a volume: it ${why}`);
    }
    return Buffer.from(program.bytesOf(encoded, content).subarray(0, length));
  };
  return { program, decode };
}
