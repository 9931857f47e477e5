/**
 * Writes files of one layer by syscall programs: one batch for many entries, replayed in another
 * thread while the next batch is written. Paths are relative to the working directory, which is the
 * layer's root (and the root of the process), and free of symlinks (layer-tree.ts); the final
 * component is never followed.
 *
 * Content travels inside the programs, of a large file in several; what lies in a plain file is
 * copied from there by the kernel and comes past no buffer of ours. Only sparse files stay open.
 * Order per file: chown, then chmod, then attributes, because chown clears setuid and capabilities;
 * times last. Folders get their times at the end of the layer. What root creates with the wanted
 * mode needs neither chown nor chmod.
 */

import { failpoint } from "../base/failpoint.ts";
import { K, type SyscallName } from "../sys/abi.ts";
import { Batch } from "../sys/batch.ts";
import { runBatch } from "../sys/ffi.ts";
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

/** The file that content goes to. */
interface CurrentFile {
  readonly path: string;
  /** Bytes that it has, or will have when the batch is done. */
  done: number;
  /** The register holds its descriptor at the end of the current batch. */
  isOpen: boolean;
}

/** Size of one batch: the C core takes more, but small buffers stay in the CPU's cache. */
const batchOperations = 4096;
const batchPool = 512 << 10;
/** Bytes that the kernel copies in one batch; when none is under way, what is there of a file that grows goes on. */
const batchRanges = 8 << 20;
const idleRanges = 1 << 20;
/** Less of a file is not worth the rest of a batch. */
const smallestPart = 4096;
/** Batches that run or wait for their turn before the reader of the tar is held: one is always ready. */
const maxWaiting = 2;

/** Operations of one method, attributes not counted; bytes of the pool besides paths and content. */
const methodOperations = 8;
const methodBytes = 256;

/** The one register that is ever needed: a descriptor between open and close. */
const fd = 0;
/** The descriptor that every helper gets its content on; of a layer, a file. */
const source = 3;

export class LayerWriter {
  readonly #action: string;
  #batch: Batch = new Batch(batchOperations, batchPool);
  readonly #spare: Batch[] = [];
  /** Resolves when all batches that were handed over are done. */
  #tail: Promise<void> = Promise.resolve();
  /** Resolves when all but the last of them are done. */
  #lastBegins: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** New files may get another group than 0: a folder has setgid or a group (mount option grpid). */
  #inheritsGroup = false;
  #origin: () => string = () => "";
  /** Constants in the pool of the current batch. */
  #time: { readonly time: TarTime; readonly offset: number } | undefined;
  #hows = new Map<number, number>();
  #file: CurrentFile = { path: "", done: 0, isOpen: false };
  #ranges = 0;

  /** @param action - the head of error sentences. */
  constructor(action: string) {
    this.#action = action;
  }

  /** The operations that follow belong to this entry. */
  from(origin: () => string): void {
    this.#origin = origin;
    this.#batch.from(origin);
  }

  /** A promise when more must not be added before it resolves. @throws SyscallError, as flush(). */
  room(): Promise<void> | undefined {
    return this.#waiting < maxWaiting ? undefined : this.#lastBegins;
  }

  /** Runs all that was collected. @throws SyscallError that names the entry. */
  async flush(): Promise<void> {
    if (this.#batch.length > 0) this.#handOver();
    await this.#tail;
  }

  makeDirectory(path: string, attributes: FileAttributes): void {
    this.#reserve(path.length, attributes);
    const isWhole = this.#isRoots(attributes) && attributes.xattrs.length === 0;
    this.#inheritsGroup ||= inheritsGroup(attributes);
    const mode = isWhole ? attributes.mode : 0o700;
    this.#call("mkdirat", path, "lpl", [K.AT_FDCWD, this.#text(path), mode]);
    if (!isWhole) this.#setDirectory(path, attributes);
  }

  /** Everything but the time, which comes at the end. */
  setDirectory(path: string, attributes: FileAttributes): void {
    this.#reserve(path.length, attributes);
    this.#inheritsGroup ||= inheritsGroup(attributes);
    this.#setDirectory(path, attributes);
  }

  #setDirectory(path: string, attributes: FileAttributes): void {
    this.#open(path, K.O_RDONLY | K.O_DIRECTORY, 0);
    this.#setOwnerAndMode(path, attributes);
    this.#setXattrs(path, attributes);
    this.#close(path);
  }

  /** Hides what the layers below have in this folder. @see overlayfs.rst "Opaque directories" */
  makeOpaque(path: string): void {
    this.#reserve(path.length);
    this.#open(path, K.O_RDONLY | K.O_DIRECTORY, 0);
    const [name, value] = [this.#text("trusted.overlay.opaque"), this.#text("y")];
    this.#call("fsetxattr", path, "rppll", [fd, name, value, 1, 0]);
    this.#close(path);
  }

  /** Hides one name of the layers below. @see overlayfs.rst "Whiteouts" */
  makeWhiteout(path: string): void {
    this.#reserve(path.length);
    this.#call("mknodat", path, "lpll", [K.AT_FDCWD, this.#text(path), K.S_IFCHR, 0]);
  }

  makeSymlink(path: string, target: string, attributes: FileAttributes): void {
    this.#reserve(path.length + target.length);
    const [from, to] = [this.#text(path), this.#text(target)];
    this.#call("symlinkat", path, "plp", [to, K.AT_FDCWD, from]);
    if (!this.#isRoots({ ...attributes, mode: 0 })) this.#setOwner(path, from, attributes);
    this.#setTime(path, from, attributes.modified);
  }

  /** @param type - S_IFCHR, S_IFBLK or S_IFIFO. */
  makeNode(path: string, type: number, device: number, attributes: FileAttributes): void {
    this.#reserve(path.length);
    const name = this.#text(path);
    this.#call("mknodat", path, "lpll", [K.AT_FDCWD, name, type | 0o600, device]);
    this.#setOwner(path, name, attributes);
    this.#call("fchmodat", path, "lpl", [K.AT_FDCWD, name, attributes.mode]);
    this.#setTime(path, name, attributes.modified);
  }

  /** A second name for a file of this layer; a symlink is linked itself, not what it points to. */
  makeLink(path: string, target: string): void {
    this.#reserve(path.length + target.length);
    const [from, to] = [this.#text(target), this.#text(path)];
    this.#call("linkat", path, "lplpl", [K.AT_FDCWD, from, K.AT_FDCWD, to, 0]);
  }

  remove(path: string, isDirectory: boolean): void {
    this.#reserve(path.length);
    const flags = isDirectory ? K.AT_REMOVEDIR : 0;
    this.#call("unlinkat", path, "lpl", [K.AT_FDCWD, this.#text(path), flags]);
  }

  /** Makes a file; its content follows by `fillFile()` and `copyRange()`, and nothing in between. */
  beginFile(path: string, attributes: FileAttributes): void {
    this.#reserve(path.length, attributes);
    this.#open(path, K.O_WRONLY | K.O_CREAT | K.O_EXCL, attributes.mode & 0o777);
    this.#file = { path, done: 0, isOpen: true };
  }

  /** Adds content. @returns a promise when more must not follow before it resolves. */
  fillFile(content: Buffer): void | Promise<void> {
    for (let at = 0; at < content.length; ) {
      const { path } = this.#resumeFile(Math.min(content.length - at, smallestPart));
      const length = Math.min(
        content.length - at,
        this.#batch.freeBytes - methodBytes - path.length,
      );
      const offset = this.#batch.bytes(content.subarray(at, at + length));
      this.#batch.call("write", path, "rpl", [fd, offset, length], { whole: true });
      this.#file.done += length;
      at += length;
    }
    return this.room();
  }

  /** Adds content that lies in the file that is unpacked: the kernel copies it. */
  copyRange(at: number, length: number): void | Promise<void> {
    const { path } = this.#resumeFile(0);
    const offset = this.#batch.number(at);
    this.#batch.call("sendfile", path, "rlpl", [fd, source, offset, length], { whole: true });
    this.#file.done += length;
    this.#ranges += length;
    if (this.#ranges >= (this.#waiting === 0 ? idleRanges : batchRanges)) this.#interruptFile();
    return this.room();
  }

  endFile(attributes: FileAttributes): void {
    const { path } = this.#resumeFile(0, attributes);
    this.#completeFile(path, attributes);
    this.#file.isOpen = false;
  }

  /** The file is open in the current batch, which has room for so many bytes. */
  #resumeFile(bytes: number, attributes?: FileAttributes): CurrentFile {
    const file = this.#file;
    const { path, done } = file;
    if (file.isOpen && this.#hasRoom(path.length + bytes, attributes)) return file;
    this.#interruptFile();
    this.#reserve(path.length + bytes, attributes);
    this.#open(path, K.O_WRONLY, 0);
    this.#batch.call("lseek", path, "rll", [fd, done, 0]);
    file.isOpen = true;
    return file;
  }

  /** A register does not outlive its batch, so the file is opened again in the next one. */
  #interruptFile(): void {
    if (this.#file.isOpen) this.#close(this.#file.path);
    this.#file.isOpen = false;
    if (this.#batch.length > 0) this.#handOver();
  }

  #completeFile(path: string, attributes: FileAttributes): void {
    if (!this.#isRoots(attributes)) this.#setOwnerAndMode(path, attributes);
    this.#setXattrs(path, attributes);
    const times = this.#timespecs(attributes.modified);
    this.#call("utimensat", path, "rlpl", [fd, 0, times, 0]);
    this.#close(path);
  }

  /** Opens a new file now and returns its descriptor, for content that comes in parts. */
  async openFile(path: string): Promise<number> {
    await this.flush();
    this.#reserve(path.length);
    this.#open(path, K.O_WRONLY | K.O_CREAT | K.O_EXCL, 0o600);
    const batch = this.#nextBatch();
    const registers = await this.#run(batch);
    this.#recycle(batch);
    return Number(registers[fd]);
  }

  /** Completes a file of `openFile()`. @param size - its length when it ends with a hole. */
  closeFile(
    path: string,
    opened: number,
    attributes: FileAttributes,
    size: number | undefined,
  ): void {
    this.#reserve(path.length, attributes);
    if (size !== undefined) this.#call("ftruncate", path, "ll", [opened, size]);
    const { uid, gid, mode, modified, xattrs } = attributes;
    this.#call("fchown", path, "lll", [opened, uid, gid]);
    this.#call("fchmod", path, "ll", [opened, mode]);
    for (const [name, value] of xattrs) {
      const operands = [opened, this.#text(name), this.#batch.bytes(value), value.length, 0];
      this.#call("fsetxattr", path, "lppll", operands);
    }
    this.#call("utimensat", path, "llpl", [opened, 0, this.#timespecs(modified), 0]);
    this.#call("close", path, "l", [opened]);
  }

  /** Times of folders, after everything was put into them. */
  async setDirectoryTimes(directory: Directory): Promise<void> {
    const left = [directory];
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      const path = next.path === "" ? "." : next.path;
      this.#reserve(path.length);
      this.#setTime(path, this.#text(path), next.modified);
      for (const child of next.children.values()) {
        if (child instanceof Directory) left.push(child);
      }
      const room = this.room();
      if (room !== undefined) await room;
    }
  }

  /** It is created with its permissions by root: most files need no more. */
  #isRoots({ uid, gid, mode }: FileAttributes): boolean {
    return uid === 0 && gid === 0 && mode <= 0o777 && !this.#inheritsGroup;
  }

  #setOwnerAndMode(path: string, { uid, gid, mode }: FileAttributes): void {
    this.#call("fchown", path, "rll", [fd, uid, gid]);
    this.#call("fchmod", path, "rl", [fd, mode]);
  }

  #setXattrs(path: string, { xattrs }: FileAttributes): void {
    for (const [name, value] of xattrs) {
      const operands = [fd, this.#text(name), this.#batch.bytes(value), value.length, 0];
      this.#call("fsetxattr", path, "rppll", operands);
    }
  }

  #setOwner(path: string, name: number, { uid, gid }: FileAttributes): void {
    const operands = [K.AT_FDCWD, name, uid, gid, K.AT_SYMLINK_NOFOLLOW];
    this.#call("fchownat", path, "lplll", operands);
  }

  #setTime(path: string, name: number, time: TarTime): void {
    const operands = [K.AT_FDCWD, name, this.#timespecs(time), K.AT_SYMLINK_NOFOLLOW];
    this.#call("utimensat", path, "lppl", operands);
  }

  #open(path: string, flags: number, mode: number): void {
    const bits = flags | K.O_NOFOLLOW | K.O_CLOEXEC;
    const key = bits * 0o10000 + mode;
    let how = this.#hows.get(key);
    if (how === undefined) {
      // struct open_how { u64 flags, mode, resolve }; openat2(2).
      const bytes = Buffer.alloc(24);
      bytes.writeBigUInt64LE(BigInt(bits), 0);
      bytes.writeBigUInt64LE(BigInt(mode), 8);
      bytes.writeBigUInt64LE(BigInt(K.RESOLVE_NO_SYMLINKS | K.RESOLVE_BENEATH), 16);
      how = this.#batch.bytes(bytes);
      this.#hows.set(key, how);
    }
    const name = this.#text(path === "" ? "." : path);
    this.#batch.call("openat2", path, "lppl", [K.AT_FDCWD, name, how, 24], { into: fd });
  }

  // It does not run after a failure: the register may hold an old number then.
  #close(path: string): void {
    this.#call("close", path, "r", [fd]);
  }

  #call(name: SyscallName, path: string, kinds: string, operands: readonly number[]): void {
    this.#batch.call(name, path, kinds, operands);
  }

  #text(latin1: string): number {
    return this.#batch.text(latin1);
  }

  /** struct timespec[2]: access and modification. Neighbours often have the same time. */
  #timespecs(time: TarTime): number {
    const last = this.#time;
    if (
      last !== undefined &&
      last.time.seconds === time.seconds &&
      last.time.nanoseconds === time.nanoseconds
    ) {
      return last.offset;
    }
    const bytes = Buffer.alloc(32);
    for (const at of [0, 16]) {
      bytes.writeBigInt64LE(BigInt(time.seconds), at);
      bytes.writeBigInt64LE(BigInt(time.nanoseconds), at + 8);
    }
    const offset = this.#batch.bytes(bytes);
    this.#time = { time, offset };
    return offset;
  }

  /** The operations of one method go into one batch, because a register does not outlive it. */
  #reserve(textBytes: number, attributes?: FileAttributes): void {
    const { operations, bytes } = needed(textBytes, attributes);
    if (this.#batch.hasRoom(operations, bytes)) return;
    if (this.#batch.length > 0) this.#handOver();
    // One entry with more attributes than a batch holds gets a batch of its own.
    if (!this.#batch.hasRoom(operations, bytes)) {
      this.#batch = new Batch(Math.max(operations, batchOperations), Math.max(bytes, batchPool));
      this.#batch.from(this.#origin);
    }
  }

  #hasRoom(textBytes: number, attributes?: FileAttributes): boolean {
    const { operations, bytes } = needed(textBytes, attributes);
    return this.#batch.hasRoom(operations, bytes);
  }

  #handOver(): void {
    const batch = this.#nextBatch();
    this.#waiting++;
    this.#lastBegins = this.#tail;
    this.#tail = this.#tail.then(async () => {
      await this.#run(batch);
      this.#waiting--;
      this.#recycle(batch);
    });
    // Whoever waits for room or flushes gets the error.
    this.#tail.catch(() => undefined);
  }

  async #run(batch: Batch): ReturnType<typeof runBatch> {
    failpoint("image/layer-writer.batch");
    return await runBatch(this.#action, batch);
  }

  /** Begins a new batch and returns the old one. */
  #nextBatch(): Batch {
    const batch = this.#batch;
    this.#batch = this.#spare.pop() ?? new Batch(batchOperations, batchPool);
    this.#batch.from(this.#origin);
    this.#time = undefined;
    this.#hows = new Map();
    this.#ranges = 0;
    return batch;
  }

  #recycle(batch: Batch): void {
    batch.clear();
    if (batch.maxPool === batchPool && this.#spare.length <= maxWaiting) this.#spare.push(batch);
  }
}

/** What one method takes at most, beside content. */
function needed(
  textBytes: number,
  attributes?: FileAttributes,
): { readonly operations: number; readonly bytes: number } {
  const xattrs = attributes?.xattrs ?? [];
  const bytes = textBytes + methodBytes;
  if (xattrs.length === 0) return { operations: methodOperations, bytes };
  return {
    operations: methodOperations + xattrs.length,
    bytes: xattrs.reduce((sum, [name, value]) => sum + name.length + value.length + 32, bytes),
  };
}

function inheritsGroup({ gid, mode }: FileAttributes): boolean {
  return gid !== 0 || (mode & 0o2000) !== 0;
}
