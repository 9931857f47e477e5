/**
 * Looks into the unpacked layers below, for the rare entry that needs them: a folder that this
 * layer uses but does not describe, a hard link to a file that is not in this layer. Sees them as
 * overlayfs would merge them: whiteouts and opaque folders hide what is further down.
 *
 * The descriptors were opened before the process confined itself. Every access goes through
 * openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), because layer content is hostile; nothing is
 * ever written below.
 */
import { K } from "../sys/abi.ts";
import { run, tryRun } from "../sys/ffi.ts";
import { type PoolPointer, Program } from "../sys/program.ts";
import type { FileAttributes } from "./layer-writer.ts";

export interface LowerFile {
  /** S_IFMT bits. */
  readonly type: number;
  readonly attributes: FileAttributes;
  readonly size: number;
  readonly device: number;
  /** Of a symlink. */
  readonly target: string;
  readonly layer: number;
}

const maxXattrBytes = 64 << 10;

export class LowerLayers {
  /** Directory descriptors, the uppermost layer first. */
  readonly #layers: readonly number[];

  constructor(layers: readonly number[]) {
    this.#layers = layers;
  }

  get isEmpty(): boolean {
    return this.#layers.length === 0;
  }

  /** What the merged layers have at a path without symlinks; undefined when nothing is there. */
  find(path: string): LowerFile | undefined {
    const components = path === "" ? [] : path.split("/");
    for (const layer of this.#layers) {
      const found = this.#findIn(layer, components);
      if (found === "hidden") return undefined;
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #findIn(layer: number, components: readonly string[]): LowerFile | "hidden" | undefined {
    let hidesLower = false;
    for (let depth = 0; depth <= components.length; depth++) {
      const path = components.slice(0, depth).join("/");
      const file = this.#stat(layer, path);
      if (file === undefined) return hidesLower ? "hidden" : undefined;
      if (file.type === K.S_IFCHR && file.device === 0) return "hidden";
      if (depth === components.length) return file;
      // A file or symlink where this path has a folder hides the folders below it.
      if (file.type !== K.S_IFDIR) return "hidden";
      if (this.#isOpaque(layer, path)) hidesLower = true;
    }
    return undefined;
  }

  #stat(layer: number, path: string): LowerFile | undefined {
    const program = new Program("layer below").from(JSON.stringify(path));
    const statx = program.buffer(256);
    const target = program.buffer(4096);
    const fd = program.open("openat2", openOperands(program, layer, path, K.O_PATH), {
      tolerate: ["ENOENT", "ENOTDIR", "ELOOP"],
    });
    const empty = program.string("");
    program.call("statx", [fd, empty, K.AT_EMPTY_PATH, statxBasic, statx]);
    // EINVAL, ENOENT: not a symlink (readlinkat(2) with an empty path).
    const length = program.open("readlinkat", [fd, empty, target, 4096], {
      tolerate: ["EINVAL", "ENOENT"],
    });
    program.call("close", [fd]);
    const done = run("Cannot look into the layers below", program);
    if (Number(done.registers[fd.number]) < 0) return undefined;
    const bytes = program.bytesOf(done.encoded, statx);
    const mode = bytes.readUInt16LE(28);
    const type = mode & K.S_IFMT;
    const linkLength = Number(done.registers[length.number]);
    return {
      type,
      layer,
      size: Number(bytes.readBigUInt64LE(40)),
      device: makeDevice(bytes.readUInt32LE(128), bytes.readUInt32LE(132)),
      target:
        type === K.S_IFLNK
          ? program.bytesOf(done.encoded, target).toString("latin1", 0, Math.max(linkLength, 0))
          : "",
      attributes: {
        mode: mode & 0o7777,
        uid: bytes.readUInt32LE(20),
        gid: bytes.readUInt32LE(24),
        modified: {
          // stx_mtime; statx(2).
          seconds: Number(bytes.readBigInt64LE(112)),
          nanoseconds: bytes.readUInt32LE(120),
        },
        xattrs: type === K.S_IFDIR || type === K.S_IFREG ? this.#xattrs(layer, path, type) : [],
      },
    };
  }

  #isOpaque(layer: number, path: string): boolean {
    const value = this.#xattr(layer, path, K.S_IFDIR, "trusted.overlay.opaque");
    return value?.toString("latin1") === "y";
  }

  #xattrs(layer: number, path: string, type: number): [string, Buffer][] {
    const program = new Program("layer below").from(JSON.stringify(path));
    const list = program.buffer(maxXattrBytes);
    const fd = program.open("openat2", openOperands(program, layer, path, readFlags(type)));
    const length = program.open("flistxattr", [fd, list, maxXattrBytes], {
      tolerate: ["EOPNOTSUPP"],
    });
    program.call("close", [fd]);
    const done = run("Cannot look into the layers below", program);
    const end = Math.max(Number(done.registers[length.number]), 0);
    const names = program.bytesOf(done.encoded, list).toString("latin1", 0, end).split("\0");
    return names.filter(isWantedXattr).flatMap((name): [string, Buffer][] => {
      const value = this.#xattr(layer, path, type, name);
      return value === undefined ? [] : [[name, value]];
    });
  }

  #xattr(layer: number, path: string, type: number, name: string): Buffer | undefined {
    const program = new Program("layer below").from(JSON.stringify(path));
    const value = program.buffer(maxXattrBytes);
    const fd = program.open("openat2", openOperands(program, layer, path, readFlags(type)));
    const bytes = program.bytes(Buffer.from(`${name}\0`, "latin1"));
    const length = program.open("fgetxattr", [fd, bytes, value, maxXattrBytes], {
      tolerate: ["ENODATA", "EOPNOTSUPP"],
    });
    program.call("close", [fd]);
    const done = run("Cannot look into the layers below", program);
    const end = Number(done.registers[length.number]);
    return end < 0 ? undefined : Buffer.from(program.bytesOf(done.encoded, value).subarray(0, end));
  }

  /** Copies the content of a file below to an open descriptor, as overlayfs copies up. */
  copyContent(file: LowerFile, path: string, to: number): void {
    let left = file.size;
    const program = new Program("layer below").from(JSON.stringify(path));
    const fd = program.open(
      "openat2",
      openOperands(program, file.layer, path, readFlags(file.type)),
    );
    const from = Number(run("Cannot look into the layers below", program).registers[fd.number]);
    while (left > 0) {
      const copy = new Program("layer below").from(JSON.stringify(path));
      const part = Math.min(left, 1 << 30);
      const copied = copy.open("copy_file_range", [from, 0, to, 0, part, 0]);
      const done = run("Cannot copy a file of a layer below", copy);
      const count = Number(done.registers[copied.number]);
      if (count === 0) break;
      left -= count;
    }
    const close = new Program("layer below");
    close.call("close", [from]);
    tryRun(close);
  }
}

// STATX_BASIC_STATS; linux/stat.h.
const statxBasic = 0x7ff;

/** Attributes that a layer may set: the others are overlayfs' or the host's business. */
export function isWantedXattr(name: string): boolean {
  return (
    name === "security.capability" ||
    (name.startsWith("user.") && name.length > 5 && !name.startsWith("user.overlay."))
  );
}

/** dev_t as mknod(2) takes it: 12 bits major, 20 bits minor. */
export function makeDevice(major: number, minor: number): number {
  return (((minor & 0xfff00) << 12) | (major << 8) | (minor & 0xff)) >>> 0;
}

function readFlags(type: number): number {
  return K.O_RDONLY | K.O_NONBLOCK | (type === K.S_IFDIR ? K.O_DIRECTORY : 0);
}

function openOperands(
  program: Program,
  layer: number,
  path: string,
  flags: number,
): [number, PoolPointer, PoolPointer, number] {
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(BigInt(flags | K.O_NOFOLLOW | K.O_CLOEXEC), 0);
  // NO_SYMLINKS with O_PATH|O_NOFOLLOW still opens a symlink that is the last component.
  how.writeBigUInt64LE(BigInt(K.RESOLVE_BENEATH | K.RESOLVE_NO_SYMLINKS), 16);
  const name = Buffer.from(`${path === "" ? "." : path}\0`, "latin1");
  return [layer, program.bytes(name, JSON.stringify(path)), program.bytes(how), 24];
}
