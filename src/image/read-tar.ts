/**
 * Reads a tar stream entry by entry: TarGuard walks the blocks, tar-stream decodes the headers, all
 * of one chunk at once; content goes past tar-stream, straight to the visitor. Names are one
 * character per byte (latin1), so that every name survives whatever encoding it has.
 *
 * The visitor sees begin(), data() for content, end(), in the order of the archive; each may return
 * a promise, which holds the stream. What data() gets is good only until that is over.
 */
import { extract, type Header } from "tar-stream";
import { PodError } from "../base/errors.ts";
import { paxNumber, type SparseFile } from "./pax-records.ts";
import {
  type GuardedEntry,
  type GuardLimits,
  printableName,
  TarGuard,
  type TarPiece,
  type TarType,
} from "./tar-guard.ts";

export interface TarTime {
  /** Since 1970; negative before. */
  readonly seconds: number;
  readonly nanoseconds: number;
}

export interface TarEntry {
  /** 1 for the first entry of the archive. */
  readonly number: number;
  readonly type: TarType;
  /** One character per byte, as the archive spells it. */
  readonly name: string;
  readonly linkName: string;
  /** Permission bits, 0..07777. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modified: TarTime;
  /** Bytes of content in the archive. */
  readonly size: number;
  readonly major: number;
  readonly minor: number;
  /** Names are one character per byte, without "SCHILY.xattr.". */
  readonly xattrs: readonly (readonly [name: string, value: Buffer])[];
  readonly sparse?: SparseFile;
}

export interface TarVisitor {
  begin(entry: TarEntry): void | Promise<void>;
  data(chunk: Buffer): void | Promise<void>;
  end(): void | Promise<void>;
}

export interface ReadTarOptions extends GuardLimits {
  /** The two zero blocks at the end must be there. */
  readonly needsEndMark: boolean;
}

/**
 * Reads to the end of the stream, also past the end mark, so that checksums of the compression
 * are checked. @throws PodError that names the entry, and whatever source and visitor throw.
 */
export async function readTar(
  source: AsyncIterable<Buffer>,
  visitor: TarVisitor,
  options: ReadTarOptions,
): Promise<void> {
  const guard = new TarGuard(options);
  const visits = new Visits(visitor);
  for await (const chunk of source) {
    const pieces: TarPiece[] = [];
    let failure: { readonly error: unknown } | undefined;
    try {
      guard.push(chunk, pieces);
    } catch (error) {
      failure = { error };
    }
    // The entries before a bad one come first, and so do their mistakes.
    await visits.take(pieces);
    if (failure !== undefined) throw failure.error;
  }
  guard.finish(options.needsEndMark);
}

/** Turns pieces into calls of the visitor. */
class Visits {
  readonly #visitor: TarVisitor;
  readonly #decoder = new HeaderDecoder();
  /** Content of the current entry that is still to come. */
  #left = 0;

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  async take(pieces: readonly TarPiece[]): Promise<void> {
    const begun = pieces.filter((piece): piece is GuardedEntry => !Buffer.isBuffer(piece));
    const headers = await this.#decoder.decode(begun.map(({ header }) => header));
    let index = 0;
    for (const piece of pieces) {
      let wait: void | Promise<void>;
      if (Buffer.isBuffer(piece)) {
        this.#left -= piece.length;
        wait = this.#visitor.data(piece);
      } else {
        const header = headers[index++];
        if (header === undefined)
          throw new PodError("Internal", "An entry came without its header");
        this.#left = piece.size;
        wait = this.#visitor.begin(tarEntry(header, piece));
      }
      // Awaiting what is no promise would cost a turn of the queue for every entry.
      if (wait instanceof Promise) await wait;
      if (this.#left > 0) continue;
      wait = this.#visitor.end();
      if (wait instanceof Promise) await wait;
    }
  }
}

/** tar-stream, fed with nothing but headers of empty entries. */
class HeaderDecoder {
  readonly #parser: ReturnType<typeof extract>;
  #headers: Header[] = [];
  #expected = 0;
  #decoded: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor() {
    // Unknown formats are v7 headers: the guard has checked them by their checksum.
    // (A variable, because tar-stream's own types leave these two options out.)
    const options = { filenameEncoding: "latin1", allowUnknownFormat: true };
    this.#parser = extract(options as Parameters<typeof extract>[0]);
    this.#parser.on("entry", (header, _, next) => {
      this.#headers.push(header);
      if (this.#headers.length === this.#expected) this.#decoded.resolve();
      // Not from inside this handler: tar-stream would recurse once per entry.
      queueMicrotask(next);
    });
    this.#parser.on("error", (error) => this.#decoded.reject(error));
  }

  async decode(blocks: readonly Buffer[]): Promise<readonly Header[]> {
    if (blocks.length === 0) return [];
    this.#headers = [];
    this.#expected = blocks.length;
    this.#decoded = Promise.withResolvers();
    this.#parser.write(Buffer.concat(blocks));
    await this.#decoded.promise;
    return this.#headers;
  }
}

function tarEntry(header: Header, extras: GuardedEntry): TarEntry {
  const name = extras.name ?? header.name;
  const refuse = (why: string): PodError =>
    new PodError("InvalidArgument", `entry ${extras.number} (${printableName(name)}): ${why}`);
  const record = (key: string): Buffer | undefined => {
    const value = extras.records.findLast((each) => each.key === key)?.value;
    return value === undefined || value.length === 0 ? undefined : value;
  };
  const id = (key: "uid" | "gid"): number => {
    const value = extras.records.length === 0 ? undefined : record(key);
    const number = value === undefined ? header[key] : paxNumber(value, key);
    // 2^32-1 means "leave it" to chown(2).
    if (!Number.isSafeInteger(number) || number < 0 || number >= 0xffffffff) {
      throw refuse(`its ${key} is not a number from 0 to 4294967294`);
    }
    return number;
  };
  const linkName = extras.linkName ?? header.linkname ?? "";
  if (name.includes("\0") || linkName.includes("\0")) throw refuse("its name contains a NUL byte");
  const mode = header.mode;
  if (!Number.isSafeInteger(mode)) throw refuse("its mode is not a number");
  const changed = extras.records.length === 0 ? undefined : record("mtime");
  const modified =
    changed === undefined
      ? { seconds: Math.floor(header.mtime.getTime() / 1000), nanoseconds: 0 }
      : paxTime(changed.toString("latin1"));
  if (modified === undefined || !Number.isSafeInteger(modified.seconds)) {
    throw refuse("its time is not a number");
  }
  return {
    number: extras.number,
    type: extras.type,
    name,
    linkName,
    mode: mode & 0o7777,
    uid: id("uid"),
    gid: id("gid"),
    modified,
    size: extras.size,
    major: header.devmajor,
    minor: header.devminor,
    xattrs: extras.records
      .filter(({ key }) => key.startsWith("SCHILY.xattr."))
      .map(({ key, value }) => [key.slice("SCHILY.xattr.".length), value] as const),
    ...(extras.sparse === undefined ? {} : { sparse: extras.sparse }),
  };
}

/** "1700000000.123456789", also negative; undefined when it is no time. */
export function paxTime(text: string): TarTime | undefined {
  const match = /^(-?)([0-9]{1,15})(?:\.([0-9]*))?$/.exec(text);
  if (match === null) return undefined;
  const whole = Number(match[2]);
  const fraction = Number((match[3] ?? "").slice(0, 9).padEnd(9, "0"));
  if (match[1] === "") return { seconds: whole, nanoseconds: fraction };
  // -1.25 s is 0.75 s after -2 s.
  return fraction === 0
    ? { seconds: -whole, nanoseconds: 0 }
    : { seconds: -whole - 1, nanoseconds: 1_000_000_000 - fraction };
}
