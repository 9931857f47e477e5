// A file system that stops to answer, as a network file system does whose server is gone: FUSE, whose server is the test.
// It has one folder, "data", which it cannot list. A process that asks it while it is dead ends neither by itself nor by SIGKILL.
// Source: fuse(4), include/uapi/linux/fuse.h, protocol 7.31.
import { spawnSync } from "node:child_process";
import { closeSync, constants, mkdirSync, openSync, readSync, writeSync } from "node:fs";
import { hasCode } from "../../src/base/errors.ts";
import { runCommand } from "./run-command.ts";

const lookup = 1;
const forget = 2;
const getattr = 3;
const setattr = 4;
const open = 14;
const statfs = 17;
const init = 26;
const opendir = 27;
const readdir = 28;
const batchForget = 42;

const headerSize = 16;
const root = 1n;
const data = 2n;

export class DeadDisk implements AsyncDisposable {
  readonly path: string;
  readonly #fd: number;
  readonly #timer: NodeJS.Timeout;
  readonly #request = Buffer.alloc(1 << 17);
  #isDead = false;
  /** What it says to those who list a folder; undefined: nothing. */
  #listing: "error" | "end" | undefined = "error";
  /** Numbers of the requests of those who got nothing. */
  #listers: bigint[] = [];
  /** Requests that came after its death. */
  unanswered = 0;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.#fd = fd;
    // A blocking read would take one of the threads that the test needs itself.
    this.#timer = setInterval(() => this.#serve(), 2);
  }

  /** Mounts it, alive, at a folder that it makes. */
  static async start(path: string): Promise<DeadDisk> {
    mkdirSync(path);
    const fd = openSync("/dev/fuse", constants.O_RDWR | constants.O_NONBLOCK);
    const disk = new DeadDisk(path, fd);
    const options = "fd=3,rootmode=40000,user_id=0,group_id=0,allow_other";
    // The kernel takes the descriptor of whoever mounts; nobody asks the file system before that returns.
    const words = ["-i", "-t", "fuse", "-o", options, "dead", path];
    const { status, stderr } = spawnSync("mount", words, {
      stdio: ["ignore", "ignore", "pipe", fd],
      encoding: "utf8",
    });
    if (status !== 0) throw new Error(stderr);
    return disk;
  }

  /** From now on nothing is answered. */
  die(): void {
    this.#isDead = true;
  }

  /** Lists no folder: everything else is answered. */
  stopListing(): void {
    this.#listing = undefined;
  }

  /** How many wait for the names of a folder. */
  get listers(): number {
    return this.#listers.length;
  }

  /** All its folders are empty, also for those who have waited. */
  list(): void {
    this.#listing = "end";
    for (const unique of this.#listers.splice(0)) this.#reply(unique, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    // Without a server everybody who waits gets an error.
    closeSync(this.#fd);
    const { code, stderr } = await runCommand("umount", ["-l", this.path]);
    if (code !== 0) throw new Error(stderr);
  }

  #serve(): void {
    for (;;) {
      let size: number;
      try {
        size = readSync(this.#fd, this.#request);
      } catch (error) {
        if (hasCode(error, "EAGAIN", "ENODEV", "EPERM")) return;
        throw error;
      }
      this.#answer(this.#request.subarray(0, size));
    }
  }

  #answer(request: Buffer): void {
    const operation = request.readUInt32LE(4);
    const unique = request.readBigUInt64LE(8);
    const node = request.readBigUInt64LE(16);
    if (operation === forget || operation === batchForget) return;
    if (this.#isDead) {
      this.unanswered++;
      return;
    }
    const name = request.subarray(40).toString().split("\0")[0];
    if (operation === init) this.#reply(unique, 0, initial());
    else if (operation === readdir) this.#answerLister(unique);
    else if (operation === getattr || operation === setattr)
      this.#reply(unique, 0, Buffer.concat([Buffer.alloc(16), attributes(node)]));
    else if (operation === lookup && name === "data") this.#reply(unique, 0, entry());
    else if (operation === lookup) this.#reply(unique, -2);
    else if (operation === open || operation === opendir) this.#reply(unique, 0, Buffer.alloc(16));
    else if (operation === statfs) this.#reply(unique, 0, Buffer.alloc(80));
    else this.#reply(unique, -38);
  }

  #answerLister(unique: bigint): void {
    if (this.#listing === undefined) this.#listers.push(unique);
    else this.#reply(unique, this.#listing === "end" ? 0 : -5);
  }

  #reply(unique: bigint, error: number, body: Buffer = Buffer.alloc(0)): void {
    const reply = Buffer.alloc(headerSize + body.length);
    reply.writeUInt32LE(reply.length, 0);
    reply.writeInt32LE(error, 4);
    reply.writeBigUInt64LE(unique, 8);
    body.copy(reply, headerSize);
    try {
      writeSync(this.#fd, reply);
    } catch (cause) {
      // ENOENT: who asked has been interrupted.
      if (!hasCode(cause, "ENOENT")) throw cause;
    }
  }
}

/** struct fuse_init_out */
function initial(): Buffer {
  const body = Buffer.alloc(64);
  body.writeUInt32LE(7, 0);
  body.writeUInt32LE(31, 4);
  body.writeUInt32LE(4096, 20); // max_write
  return body;
}

/** struct fuse_attr of a folder. */
function attributes(node: bigint): Buffer {
  const body = Buffer.alloc(88);
  body.writeBigUInt64LE(node, 0);
  body.writeUInt32LE(0o40755, 60);
  body.writeUInt32LE(node === root ? 3 : 2, 64);
  return body;
}

/** struct fuse_entry_out, valid for no time: whoever walks through asks again. */
function entry(): Buffer {
  const body = Buffer.alloc(40);
  body.writeBigUInt64LE(data, 0);
  return Buffer.concat([body, attributes(data)]);
}
