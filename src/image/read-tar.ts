/**
 * Reads a tar entry by entry: TarGuard walks the blocks, a decoder reads the headers (tar-header.ts),
 * all of one chunk at once; content goes straight to the visitor. Names are one character per byte
 * (latin1), so that every name survives whatever encoding it has.
 *
 * The visitor sees begin(), data() for content, end(), in the order of the archive; each may return
 * a promise, which holds the stream. What data() gets is good only until that is over.
 */
import { readSync } from "node:fs";
import { PodError } from "../base/errors.ts";
import { type PaxRecord, paxNumber, type SparseFile } from "./pax-records.ts";
import {
  type GuardedEntry,
  type GuardLimits,
  printableName,
  TarGuard,
  type TarPiece,
  type TarType,
} from "./tar-guard.ts";
import {
  type HeaderDecoder,
  splitHeaders,
  type TarHeader,
  tarStreamHeaders,
} from "./tar-header.ts";

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
  /** Of readTarFile(), instead of data() for larger files: a part of the content, by its place. */
  range?(at: number, length: number): void | Promise<void>;
  end(): void | Promise<void>;
}

export interface ReadTarOptions extends GuardLimits {
  /** The two zero blocks at the end must be there. */
  readonly needsEndMark: boolean;
  /** Default: tar-stream. */
  readonly headers?: HeaderDecoder;
}

/** A tar that lies in a file. */
export interface TarFile {
  readonly fd: number;
  /** How many bytes may be read from a position on; a promise when it has to grow; none: the end. */
  readonly beyond: (position: number) => number | Promise<number>;
}

/** What is read at once of content that is passed on. */
const largestPart = 256 << 10;
/** What is read where the next header is expected, behind content that was passed over. */
const smallestPart = 4096;
/** Content up to this size is cheaper to read with its header than to find again. */
const rangesAbove = 8192;

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
  const visits = new Visits(visitor, options.headers ?? tarStreamHeaders());
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

/**
 * As readTar(), of a file that may still grow: content of larger files is not read at all, the
 * visitor learns where it is.
 */
export async function readTarFile(
  { fd, beyond }: TarFile,
  visitor: TarVisitor,
  options: ReadTarOptions,
): Promise<void> {
  const guard = new TarGuard({ ...options, rangesAbove });
  const visits = new Visits(visitor, options.headers ?? splitHeaders);
  const buffer = Buffer.allocUnsafeSlow(largestPart);
  const pieces: TarPiece[] = [];
  let filled = 0;
  const take = async (): Promise<void> => {
    await visits.take(pieces.splice(0));
    filled = 0;
  };
  let part = smallestPart;
  for (let position = 0; ; ) {
    let available = beyond(position);
    if (typeof available !== "number") {
      await take();
      available = await available;
    }
    if (available <= 0) break;
    const skipped = guard.skip(available, pieces);
    if (skipped > 0) {
      position += skipped;
      part = smallestPart;
      continue;
    }
    if (filled === buffer.length) await take();
    const length = Math.min(part, available, buffer.length - filled);
    const count = readSync(fd, buffer, filled, length, position);
    if (count === 0) break;
    try {
      guard.push(buffer.subarray(filled, filled + count), pieces);
    } catch (error) {
      // The entries before a bad one come first, and so do their mistakes.
      await take();
      throw error;
    }
    position += count;
    filled += count;
    part = Math.min(2 * part, largestPart);
  }
  await take();
  guard.finish(options.needsEndMark);
}

/** Turns pieces into calls of the visitor. */
class Visits {
  readonly #visitor: TarVisitor;
  readonly #decode: HeaderDecoder;
  /** Content of the current entry that is still to come. */
  #left = 0;

  constructor(visitor: TarVisitor, decode: HeaderDecoder) {
    this.#visitor = visitor;
    this.#decode = decode;
  }

  async take(pieces: readonly TarPiece[]): Promise<void> {
    const begun = pieces.filter((piece): piece is GuardedEntry => "header" in piece);
    const headers = await this.#decode(begun);
    let index = 0;
    for (const piece of pieces) {
      let wait: void | Promise<void>;
      if (!("header" in piece)) {
        this.#left -= piece.length;
        wait = Buffer.isBuffer(piece)
          ? this.#visitor.data(piece)
          : this.#visitor.range?.(piece.at, piece.length);
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

function tarEntry(header: TarHeader, extras: GuardedEntry): TarEntry {
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
  const linkName = extras.linkName ?? header.linkName;
  if (name.includes("\0") || linkName.includes("\0")) throw refuse("its name contains a NUL byte");
  const mode = header.mode;
  if (!Number.isSafeInteger(mode)) throw refuse("its mode is not a number");
  const changed = extras.records.length === 0 ? undefined : record("mtime");
  const modified =
    changed === undefined
      ? { seconds: header.modified, nanoseconds: 0 }
      : paxTime(changed.toString("latin1"));
  // The last second that a Date knows: no file system goes further.
  if (modified === undefined || !(Math.abs(modified.seconds) <= 8.64e12)) {
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
    major: header.major,
    minor: header.minor,
    xattrs: extras.records.length === 0 ? noXattrs : xattrsOf(extras.records),
    ...(extras.sparse === undefined ? {} : { sparse: extras.sparse }),
  };
}

const noXattrs: TarEntry["xattrs"] = [];

function xattrsOf(records: readonly PaxRecord[]): TarEntry["xattrs"] {
  return records
    .filter(({ key }) => key.startsWith("SCHILY.xattr."))
    .map(({ key, value }) => [key.slice("SCHILY.xattr.".length), value] as const);
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
