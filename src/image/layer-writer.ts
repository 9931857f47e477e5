/**
 * Writes files of one layer by syscall programs: one program per batch of entries. Paths are
 * relative to the working directory, which is the layer's root (and the root of the process),
 * and free of symlinks (layer-tree.ts); the final component is never followed.
 *
 * Content of small files travels inside the program; large ones stay open and are written by fd.
 * Order per file: chown, then chmod, then attributes, because chown clears setuid and capabilities;
 * times last. Folders get their times at the end of the layer.
 */
import { type ConstantName, K } from "../sys/abi.ts";
import { run } from "../sys/ffi.ts";
import { type PoolPointer, Program } from "../sys/program.ts";
import { Directory } from "./layer-tree.ts";
import type { TarTime } from "./read-tar.ts";

/** Owner, permissions, time and attributes of a file. */
export interface FileAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modified: TarTime;
  readonly xattrs: readonly (readonly [name: string, value: Buffer])[];
}

/** Limits of one batch: the C core takes more, but small buffers stay in the CPU's cache. */
const maxBatchOperations = 8192;
const maxBatchBytes = 512 << 10;

export class LayerWriter {
  readonly #action: string;
  #program: Program;
  #bytes = 0;
  /** New files may get another group than 0: a folder has setgid or a group (mount option grpid). */
  #inheritsGroup = false;
  #origin = "";
  #times = new Map<string, PoolPointer>();
  #hows = new Map<number, PoolPointer>();

  /** @param action - the head of error sentences. */
  constructor(action: string) {
    this.#action = action;
    this.#program = new Program(action);
  }

  /** The operations that follow belong to this entry. Runs the batch when it is full. */
  from(origin: string): void {
    if (this.#program.operations.length > maxBatchOperations || this.#bytes > maxBatchBytes) {
      this.flush();
    }
    this.#origin = origin;
    this.#program.from(origin);
  }

  /** Runs what was collected. @throws SyscallError that names the entry. */
  flush(): void {
    const program = this.#reset();
    if (program.operations.length > 0) run(this.#action, program);
  }

  makeDirectory(path: string, attributes: FileAttributes): void {
    this.#program.call("mkdirat", [K.AT_FDCWD, this.#path(path), 0o700]);
    this.setDirectory(path, attributes);
  }

  /** Everything but the time, which comes at the end. */
  setDirectory(path: string, attributes: FileAttributes): void {
    const fd = this.#open(path, ["O_RDONLY", "O_DIRECTORY"], 0);
    this.#inheritsGroup ||= attributes.gid !== 0 || (attributes.mode & 0o2000) !== 0;
    this.#program.call("fchown", [fd, attributes.uid, attributes.gid]);
    this.#program.call("fchmod", [fd, attributes.mode]);
    this.#setXattrs(fd, attributes);
    this.#close(fd);
  }

  /** Hides what the layers below have in this folder. @see overlayfs.rst "Opaque directories" */
  makeOpaque(path: string): void {
    const fd = this.#open(path, ["O_RDONLY", "O_DIRECTORY"], 0);
    this.#program.call("fsetxattr", [
      fd,
      "trusted.overlay.opaque",
      this.#program.string("y"),
      1,
      0,
    ]);
    this.#close(fd);
  }

  /** Hides one name of the layers below. @see overlayfs.rst "Whiteouts" */
  makeWhiteout(path: string): void {
    this.#program.call("mknodat", [K.AT_FDCWD, this.#path(path), K.S_IFCHR, 0]);
  }

  makeSymlink(path: string, target: string, attributes: FileAttributes): void {
    this.#program.call("symlinkat", [this.#path(target), K.AT_FDCWD, this.#path(path)]);
    this.#setOwnerAndTime(path, attributes);
  }

  /** @param type - S_IFCHR, S_IFBLK or S_IFIFO. */
  makeNode(path: string, type: number, device: number, attributes: FileAttributes): void {
    this.#program.call("mknodat", [K.AT_FDCWD, this.#path(path), type | 0o600, device]);
    this.#program.call("fchownat", [
      K.AT_FDCWD,
      this.#path(path),
      attributes.uid,
      attributes.gid,
      K.AT_SYMLINK_NOFOLLOW,
    ]);
    this.#program.call("fchmodat", [K.AT_FDCWD, this.#path(path), attributes.mode]);
    this.#setTime(path, attributes.modified);
  }

  /** A second name for a file of this layer; a symlink is linked itself, not what it points to. */
  makeLink(path: string, target: string): void {
    this.#program.call("linkat", [K.AT_FDCWD, this.#path(target), K.AT_FDCWD, this.#path(path), 0]);
  }

  remove(path: string, isDirectory: boolean): void {
    const flags = isDirectory ? K.AT_REMOVEDIR : 0;
    this.#program.call("unlinkat", [K.AT_FDCWD, this.#path(path), flags]);
  }

  /** A file whose whole content is at hand. The chunks must not change until the next flush. */
  makeFile(path: string, attributes: FileAttributes, chunks: readonly Buffer[]): void {
    const fd = this.#open(path, ["O_WRONLY", "O_CREAT", "O_EXCL"], attributes.mode & 0o777);
    for (const chunk of chunks) {
      const content = this.#program.bytes(chunk);
      this.#program.call("write", [fd, content, chunk.length], { whole: true });
      this.#bytes += chunk.length;
    }
    // It was created with these permissions, by root: most files need no more.
    const isRoots = attributes.uid === 0 && attributes.gid === 0 && !this.#inheritsGroup;
    this.#finish(fd, attributes, isRoots && attributes.mode <= 0o777);
    this.#close(fd);
  }

  /** Opens a new file now and returns its descriptor, for content that comes in parts. */
  openFile(path: string): number {
    const fd = this.#open(path, ["O_WRONLY", "O_CREAT", "O_EXCL"], 0o600);
    const program = this.#reset();
    const { registers } = run(this.#action, program);
    return Number(registers[fd.number]);
  }

  /** Completes a file of `openFile()`. @param size - its length when it ends with a hole. */
  closeFile(fd: number, attributes: FileAttributes, size: number | undefined): void {
    if (size !== undefined) this.#program.call("ftruncate", [fd, size]);
    this.#finish(fd, attributes, false);
    this.#program.call("close", [fd]);
  }

  /** Times of folders, after everything was put into them. */
  setDirectoryTimes(directory: Directory): void {
    this.from("");
    this.#setTime(directory.path === "" ? "." : directory.path, directory.modified);
    for (const child of directory.children.values()) {
      if (child instanceof Directory) this.setDirectoryTimes(child);
    }
  }

  #finish(fd: Descriptor, attributes: FileAttributes, hasOwnerAndMode: boolean): void {
    if (!hasOwnerAndMode) {
      this.#program.call("fchown", [fd, attributes.uid, attributes.gid]);
      this.#program.call("fchmod", [fd, attributes.mode]);
    }
    this.#setXattrs(fd, attributes);
    this.#program.call("utimensat", [fd, 0, this.#timespecs(attributes.modified), 0]);
  }

  #setXattrs(fd: Descriptor, attributes: FileAttributes): void {
    for (const [name, value] of attributes.xattrs) {
      const content = this.#program.bytes(value);
      this.#program.call("fsetxattr", [fd, this.#path(name), content, value.length, 0]);
    }
  }

  #setOwnerAndTime(path: string, attributes: FileAttributes): void {
    this.#program.call("fchownat", [
      K.AT_FDCWD,
      this.#path(path),
      attributes.uid,
      attributes.gid,
      K.AT_SYMLINK_NOFOLLOW,
    ]);
    this.#setTime(path, attributes.modified);
  }

  #setTime(path: string, time: TarTime): void {
    this.#program.call("utimensat", [
      K.AT_FDCWD,
      this.#path(path),
      this.#timespecs(time),
      K.AT_SYMLINK_NOFOLLOW,
    ]);
  }

  #open(path: string, flags: readonly ConstantName[], mode: number): Register {
    const bits = flags.reduce((sum, flag) => sum | K[flag], K.O_NOFOLLOW | K.O_CLOEXEC);
    const key = bits * 0o10000 + mode;
    let how = this.#hows.get(key);
    if (how === undefined) {
      // struct open_how { u64 flags, mode, resolve }; openat2(2).
      const bytes = Buffer.alloc(24);
      bytes.writeBigUInt64LE(BigInt(bits), 0);
      bytes.writeBigUInt64LE(BigInt(mode), 8);
      bytes.writeBigUInt64LE(BigInt(K.RESOLVE_NO_SYMLINKS | K.RESOLVE_BENEATH), 16);
      how = this.#program.bytes(bytes);
      this.#hows.set(key, how);
    }
    return this.#program.open("openat2", [
      K.AT_FDCWD,
      this.#path(path === "" ? "." : path),
      how,
      24,
    ]);
  }

  // Not Program.close(): that runs after a failure too, when the register may hold an old number.
  #close(fd: Register): void {
    this.#program.call("close", [fd]);
    this.#program.release(fd);
  }

  #path(path: string): PoolPointer {
    return this.#program.bytes(Buffer.from(`${path}\0`, "latin1"), `"${path}"`);
  }

  /** struct timespec[2]: access and modification. */
  #timespecs(time: TarTime): PoolPointer {
    const key = `${time.seconds}.${time.nanoseconds}`;
    let pointer = this.#times.get(key);
    if (pointer === undefined) {
      const bytes = Buffer.alloc(32);
      for (const at of [0, 16]) {
        bytes.writeBigInt64LE(BigInt(time.seconds), at);
        bytes.writeBigInt64LE(BigInt(time.nanoseconds), at + 8);
      }
      pointer = this.#program.bytes(bytes);
      this.#times.set(key, pointer);
    }
    return pointer;
  }

  #reset(): Program {
    const program = this.#program;
    this.#program = new Program(this.#action).from(this.#origin);
    this.#bytes = 0;
    this.#times = new Map();
    this.#hows = new Map();
    return program;
  }
}

type Register = ReturnType<Program["allocate"]>;
type Descriptor = Register | number;
