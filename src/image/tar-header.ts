/**
 * What the header block of an entry says by itself. Two readers of it, which agree
 * (test/unit/image/tar-header.test.ts):
 * - tar-stream, for archives of a few members and for trees that are copied;
 * - `splitHeader()` for layers: tar-stream makes a stream and an event for every entry, which costs
 *   more than all system calls that unpack it (decision 0301).
 *
 *   0 name · 100 mode · 108 uid · 116 gid · 136 mtime · 157 linkname · 257 magic · 329 devmajor
 *   337 devminor · 345 prefix
 *
 * Source: POSIX.1-2017 pax "ustar Interchange Format"; GNU tar manual "Basic Tar Format".
 */
import { extract } from "tar-stream";
import type { GuardedEntry, TarType } from "./tar-guard.ts";

/** Names are one character per byte; a number that the header does not spell is NaN. */
export interface TarHeader {
  readonly name: string;
  readonly linkName: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly modified: number;
  readonly major: number;
  readonly minor: number;
}

/** Decodes the headers of a chunk, in their order. */
export type HeaderDecoder = (
  entries: readonly GuardedEntry[],
) => readonly TarHeader[] | Promise<readonly TarHeader[]>;

/** All at once, by hand. */
export const splitHeaders: HeaderDecoder = (entries) =>
  entries.map(({ header }) => splitHeader(header));

/** @param block - 512 bytes with a good checksum. */
export function splitHeader(block: Buffer): TarHeader {
  const name = text(block, 0, 100);
  const hasPrefix = block[345] !== 0 && isUstar(block);
  return {
    name: hasPrefix ? `${text(block, 345, 500)}/${name}` : name,
    linkName: text(block, 157, 257),
    mode: number(block, 100, 108),
    uid: number(block, 108, 116),
    gid: number(block, 116, 124),
    modified: number(block, 136, 148),
    major: number(block, 329, 337),
    minor: number(block, 337, 345),
  };
}

/** "ustar" and NUL; GNU's own magic has a space and its prefix field other uses. */
function isUstar(block: Buffer): boolean {
  return block.readUInt32BE(257) === 0x75737461 && block[261] === 0x72 && block[262] === 0;
}

function text(block: Buffer, from: number, to: number): string {
  let end = from;
  while (end < to && block[end] !== 0) end++;
  return block.toString("latin1", from, end);
}

/** Octal digits after spaces, up to what is no digit; or base 256, as GNU tar writes what is large. */
function number(block: Buffer, from: number, to: number): number {
  const first = block[from] ?? 0;
  if (first >= 0x80) return binary(block, from, to);
  let at = from;
  while (at < to && (block[at] === 0x20 || block[at] === 0)) at++;
  let value = 0;
  const begin = at;
  for (; at < to; at++) {
    const digit = (block[at] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  return at === begin && at < to ? Number.NaN : value;
}

/** Two's complement, with the mark of the format in the first byte. */
function binary(block: Buffer, from: number, to: number): number {
  const isNegative = block[from] === 0xff;
  if (!isNegative && block[from] !== 0x80) return Number.NaN;
  let value = isNegative ? -1 : 0;
  for (let at = from + 1; at < to; at++) value = value * 256 + (block[at] ?? 0);
  return value;
}

const flags: Readonly<Record<TarType, string>> = {
  file: "0",
  link: "1",
  symlink: "2",
  character: "3",
  block: "4",
  directory: "5",
  fifo: "6",
};

/** tar-stream, fed with nothing but headers of empty entries. */
export function tarStreamHeaders(): HeaderDecoder {
  // Unknown formats are v7 headers: the guard has checked them by their checksum.
  // (A variable, because tar-stream's own types leave these two options out.)
  const options = { filenameEncoding: "latin1", allowUnknownFormat: true };
  const parser = extract(options as Parameters<typeof extract>[0]);
  let headers: TarHeader[] = [];
  let expected = 0;
  let decoded = Promise.withResolvers<void>();
  parser.on("entry", (header, _, next) => {
    headers.push({
      name: header.name,
      linkName: header.linkname ?? "",
      mode: header.mode,
      uid: header.uid,
      gid: header.gid,
      modified: Math.floor(header.mtime.getTime() / 1000),
      major: header.devmajor,
      minor: header.devminor,
    });
    if (headers.length === expected) decoded.resolve();
    // Not from inside this handler: tar-stream would recurse once per entry.
    queueMicrotask(next);
  });
  parser.on("error", (error) => decoded.reject(error));
  return async (entries) => {
    if (entries.length === 0) return [];
    headers = [];
    expected = entries.length;
    decoded = Promise.withResolvers();
    parser.write(Buffer.concat(entries.map(plainHeader)));
    await decoded.promise;
    return headers;
  };
}

/** A copy of the header as that of an entry without content. */
function plainHeader({ header: block, type }: GuardedEntry): Buffer {
  const header = Buffer.from(block);
  header.write("00000000000\0", 124, 12, "latin1");
  header.write(flags[type], 156, 1, "latin1");
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return header;
}
