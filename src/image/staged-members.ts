/**
 * The members of an archive as numbered files in the working directory of the read helper, each
 * with its digest. Names from the archive are only keys of a map here: no path is ever made of
 * them (IMG-10, CVE-2024-3727).
 *
 *   ./1 ./2 ./3 …     content of member 1, 2, 3 …
 */
import { createHash, type Hash } from "node:crypto";
import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { posix } from "node:path";
import { PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import type { Digest } from "../base/ids.ts";
import { type Compression, detectCompression } from "./decompress.ts";
import type { MemberReport } from "./messages.ts";
import { writeAll } from "./write-all.ts";

export interface Member {
  readonly size: number;
  readonly digest: Digest;
  /** Name of its file; undefined when the store has these bytes already. */
  readonly file: number | undefined;
  /** First bytes, to tell the compression. */
  readonly head: Buffer;
}

/** Blobs of this size or more that the store has are hashed and not written again. */
const skipSize = 4 << 20;
const headSize = 16;
/** Smaller layers are read before a helper has started. */
const earlySize = 1 << 20;
/** Bytes between two reports of growth. */
const growthStep = 2 << 20;

/** Told about members that look like layers while they come in. */
export interface MemberWatcher {
  readonly onMember: (member: MemberReport) => void;
  readonly onGrown: (file: number, bytes: number, isComplete: boolean) => void;
}

export class StagedMembers {
  readonly #members = new Map<string, Member>();
  readonly #links = new Map<string, string>();
  readonly #byDigest = new Map<Digest, Member>();
  readonly #known: ReadonlyMap<Digest, number>;
  readonly #watcher: MemberWatcher | undefined;
  #count = 0;

  constructor(known: ReadonlyMap<Digest, number>, watcher?: MemberWatcher) {
    this.#known = known;
    this.#watcher = watcher;
  }

  /** Begins a member; `name` in UTF-8, as the archive spells it. */
  begin(name: string, size: number): MemberWriter {
    const key = memberName(name);
    this.#count++;
    const file = this.#count;
    const isKnown = size >= skipSize && this.#known.get(blobDigest(key) ?? ("" as Digest)) === size;
    const watch = size < earlySize || isKnown ? undefined : { size, watcher: this.#watcher };
    return new MemberWriter(isKnown ? undefined : file, watch, (member) => {
      const expected = blobDigest(key);
      if (expected !== undefined && expected !== member.digest) {
        throw new PodError(
          "InvalidArgument",
          `blob ${expected} has digest ${member.digest}: the archive is damaged or was edited`,
        );
      }
      if (isKnown && this.#known.get(member.digest) !== member.size) {
        throw new PodError("Internal", `Member ${file} was taken for a blob that is known`);
      }
      this.#members.set(key, member);
      const same = this.#byDigest.get(member.digest);
      if (same === undefined || same.file === undefined) this.#byDigest.set(member.digest, member);
    });
  }

  /** Old `docker save` writes layers that it has twice as links. */
  link(name: string, target: string, isSymbolic: boolean): void {
    const key = memberName(name);
    const from = isSymbolic ? posix.join("/", posix.dirname(key)) : "/";
    this.#links.set(key, memberName(posix.resolve(from, target)));
  }

  find(name: string): Member | undefined {
    let key = memberName(name);
    for (let step = 0; step < 10; step++) {
      const member = this.#members.get(key);
      if (member !== undefined) return member;
      const target = this.#links.get(key);
      if (target === undefined) return undefined;
      key = target;
    }
    return undefined;
  }

  findBlob(digest: Digest): Member | undefined {
    return this.#byDigest.get(digest);
  }

  has(name: string): boolean {
    return this.find(name) !== undefined;
  }

  /** Content of a document. @throws PodError InvalidArgument above `limit`. */
  read(member: Member, what: string, limit: number): Buffer {
    if (member.size > limit) {
      throw new PodError("InvalidArgument", `${what}: it is larger than ${limit >> 20} MiB`);
    }
    if (member.file === undefined) {
      throw new PodError("Internal", `${what}: its content was not kept`);
    }
    return readFileSync(String(member.file));
  }

  /** Adds a document that is made here. */
  add(bytes: Buffer): Member {
    this.#count++;
    const writer = new MemberWriter(this.#count, undefined, (member) => {
      this.#byDigest.set(member.digest, member);
    });
    writer.write(bytes);
    return writer.end();
  }
}

/** Takes the content of one member. */
export class MemberWriter {
  readonly #file: number | undefined;
  readonly #fd: number | undefined;
  readonly #hash: Hash = createHash("sha256");
  readonly #accept: (member: Member) => void;
  #head: Buffer = Buffer.alloc(0);
  #size = 0;
  readonly #watch:
    | { readonly size: number; readonly watcher: MemberWatcher | undefined }
    | undefined;
  /** Bytes that were told; undefined: it does not look like a layer. */
  #told: number | undefined;

  constructor(
    file: number | undefined,
    watch: { readonly size: number; readonly watcher: MemberWatcher | undefined } | undefined,
    accept: (member: Member) => void,
  ) {
    this.#watch = watch;
    this.#file = file;
    failpoint("image/staged-members.open");
    this.#fd = file === undefined ? undefined : openSync(String(file), "wx", 0o600);
    this.#accept = accept;
  }

  write(chunk: Buffer): void {
    const isFirst = this.#size === 0;
    if (this.#head.length < headSize) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, headSize - this.#head.length)]);
    }
    this.#size += chunk.length;
    this.#hash.update(chunk);
    failpoint("image/staged-members.write");
    if (this.#fd !== undefined) writeAll(this.#fd, chunk);
    if (isFirst) this.#begin(chunk);
    else if (this.#told !== undefined && this.#size - this.#told >= growthStep) this.#tell(false);
  }

  #begin(chunk: Buffer): void {
    const compression = layerCompression(chunk);
    if (this.#file === undefined || this.#watch === undefined || compression === undefined) return;
    this.#watch.watcher?.onMember({ file: this.#file, size: this.#watch.size, compression });
    this.#told = 0;
  }

  #tell(isComplete: boolean): void {
    if (this.#file === undefined) return;
    this.#told = this.#size;
    this.#watch?.watcher?.onGrown(this.#file, this.#size, isComplete);
  }

  /** @throws PodError InvalidArgument when the digest is not the one of its name. */
  end(): Member {
    if (this.#fd !== undefined) closeSync(this.#fd);
    const member: Member = {
      size: this.#size,
      digest: `sha256:${this.#hash.digest("hex")}` as Digest,
      file: this.#file,
      head: this.#head,
    };
    this.#accept(member);
    if (this.#told !== undefined) this.#tell(true);
    return member;
  }

  /** Drops what was written. */
  abandon(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    rmSync(String(this.#file), { force: true });
  }
}

/** Of bytes that a layer may begin with; undefined for others, and for too few of them. */
function layerCompression(head: Buffer): Compression | undefined {
  if (head.toString("latin1", 257, 262) === "ustar") return "none";
  try {
    const compression = detectCompression(head);
    return compression === "none" ? undefined : compression;
  } catch (error) {
    // A format that nspod does not read: the plan says so if it is a layer.
    if (error instanceof PodError) return undefined;
    throw error;
  }
}

/** "./a//b" and "/a/b" are "a/b"; ".." cannot leave the archive. */
function memberName(name: string): string {
  return posix.resolve("/", name).slice(1);
}

/** The digest that a member's name promises. */
function blobDigest(key: string): Digest | undefined {
  const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(key)?.[1];
  return hex === undefined ? undefined : (`sha256:${hex}` as Digest);
}
