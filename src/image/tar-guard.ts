/**
 * Walks the blocks of a tar stream in front of tar-stream, and takes out what tar-stream cannot
 * carry or does not check: PAX and GNU long-name headers (as bytes), GNU sparse maps, bad checksums,
 * sizes, end marks. What it hands on are headers that somebody else decodes, and the content beside
 * them: nobody but the guard says where an entry begins (decision 0301).
 *
 *   in    [x|g|L|K header + body]* header [sparse extension]* content …  zero block, zero block
 *   out                           entry                       content …
 *
 * Source: POSIX.1-2017 pax; GNU tar manual appendix D; golang archive/tar for what readers accept.
 */
import { PodError } from "../base/errors.ts";
import {
  type PaxRecord,
  parsePaxRecords,
  paxNumber,
  type SparseFile,
  sparseOf,
  sparseRanges,
} from "./pax-records.ts";

export type TarType = "file" | "link" | "symlink" | "character" | "block" | "directory" | "fifo";

/** One entry: its header, and what other headers say of it. */
export interface GuardedEntry {
  /** One block, with a good checksum; as short-lived as content. */
  readonly header: Buffer;
  /** Bytes of content. */
  readonly size: number;
  /** 1 for the first entry of the archive. */
  readonly number: number;
  readonly type: TarType;
  /** From PAX or GNU headers, one character per byte; absent: the header's own. */
  readonly name?: string;
  readonly linkName?: string;
  readonly records: readonly PaxRecord[];
  readonly sparse?: SparseFile;
}

/** A part of an entry's content, told by its place in the stream. */
export interface TarRange {
  readonly at: number;
  readonly length: number;
}

/** An entry begins, or a part of its content. */
export type TarPiece = GuardedEntry | Buffer | TarRange;

export interface GuardLimits {
  /** Bytes of one PAX or long-name header, and of all in front of one entry. */
  readonly headerBytes: number;
  readonly entries: number;
  /** Content of files larger than this is told by its place. Default: none is. */
  readonly rangesAbove?: number;
}

const blockSize = 512;
const types: Readonly<Record<string, TarType>> = {
  "\0": "file",
  "0": "file",
  "7": "file",
  S: "file",
  "1": "link",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

interface Header {
  readonly flag: string;
  readonly size: number;
}

type State =
  | { readonly at: "header" }
  | { readonly at: "end"; readonly zeroBlocks: number }
  | { readonly at: "body"; readonly header: Header; readonly chunks: Buffer[]; left: number }
  | { readonly at: "sparse"; readonly numbers: number[] }
  /** After `left` bytes come those that fill the last block. */
  | { readonly at: "content"; left: number; padding: number; readonly as: ContentForm };

type ContentForm = "bytes" | "range" | "nothing";

export class TarGuard {
  readonly #limits: GuardLimits;
  readonly #rangesAbove: number;
  #out: TarPiece[] = [];
  #state: State = { at: "header" };
  /** Bytes of the stream that were taken. */
  #position = 0;
  /** A block that began in an earlier chunk. */
  #partial: Buffer | undefined;
  #count = 0;
  #headerBytes = 0;
  #global: readonly PaxRecord[] = [];
  #local: readonly PaxRecord[] = [];
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(limits: GuardLimits) {
    this.#limits = limits;
    this.#rangesAbove = limits.rangesAbove ?? Number.POSITIVE_INFINITY;
  }

  /** Entries seen so far. */
  get count(): number {
    return this.#count;
  }

  /**
   * Takes bytes of the tar and appends what they are to `out`; content refers to these bytes.
   * @throws PodError InvalidArgument or ResourceExhausted; the sentence begins with the entry.
   */
  push(chunk: Buffer, out: TarPiece[]): void {
    this.#out = out;
    const start = this.#position;
    this.#position = start + chunk.length;
    let at = 0;
    while (at < chunk.length) {
      const state = this.#state;
      if (state.at === "content") {
        const end = Math.min(chunk.length, at + state.left);
        if (end > at && state.as === "bytes") out.push(chunk.subarray(at, end));
        if (end > at && state.as === "range") out.push({ at: start + at, length: end - at });
        state.left -= end - at;
        at = end;
        if (state.left > 0) return;
        const filled = Math.min(state.padding, chunk.length - at);
        state.padding -= filled;
        at += filled;
        if (state.padding === 0) this.#state = { at: "header" };
        continue;
      }
      if (state.at === "body") {
        const end = Math.min(chunk.length, at + state.left);
        state.chunks.push(Buffer.from(chunk.subarray(at, end)));
        state.left -= end - at;
        at = end;
        if (state.left === 0) this.#takeBody(state.header, Buffer.concat(state.chunks));
        continue;
      }
      if (this.#partial === undefined && chunk.length - at >= blockSize) {
        this.#takeBlock(chunk.subarray(at, at + blockSize));
        at += blockSize;
        continue;
      }
      const partial: Buffer = this.#partial ?? Buffer.alloc(0);
      const taken = chunk.subarray(at, at + blockSize - partial.length);
      const joined = Buffer.concat([partial, taken]);
      at += taken.length;
      this.#partial = joined.length < blockSize ? joined : undefined;
      if (joined.length === blockSize) this.#takeBlock(joined);
    }
  }

  /**
   * When content comes next that need not be read: takes up to `most` bytes of it, as push() does.
   * @returns how many.
   */
  skip(most: number, out: TarPiece[]): number {
    const state = this.#state;
    if (state.at !== "content" || state.as === "bytes") return 0;
    const content = Math.min(state.left, most);
    const padding = Math.min(state.padding, most - content);
    if (content > 0 && state.as === "range") out.push({ at: this.#position, length: content });
    state.left -= content;
    state.padding -= padding;
    this.#position += content + padding;
    if (state.left + state.padding === 0) this.#state = { at: "header" };
    return content + padding;
  }

  /**
   * The stream has ended. @param isWhole - the two zero blocks must be there. Without it the last
   * block need not be filled either: umoci and other writers in Go leave both out.
   * @throws PodError InvalidArgument when it ended inside an entry.
   */
  finish(isWhole: boolean): void {
    const state = this.#state;
    const isBetween =
      this.#partial === undefined &&
      this.#local.length === 0 &&
      this.#longName === undefined &&
      this.#longLink === undefined;
    if (isBetween && state.at === "end" && state.zeroBlocks >= 2) return;
    if (isBetween && !isWhole && state.at === "header") return;
    if (!isWhole && state.at === "content" && state.left === 0) return;
    throw refuse(`it ends too early, after ${this.#count} entries: it is truncated`);
  }

  #takeBlock(block: Buffer): void {
    const state = this.#state;
    if (state.at === "sparse") {
      this.#continueSparse(block, 0, 21, 504, state.numbers);
      return;
    }
    if (isZero(block)) {
      this.#state = { at: "end", zeroBlocks: state.at === "end" ? state.zeroBlocks + 1 : 1 };
      return;
    }
    if (state.at === "end") {
      throw refuse(
        state.zeroBlocks < 2
          ? `it has a lone zero block after ${this.#count} entries: it is damaged`
          : "it goes on after its end mark: it is damaged",
      );
    }
    const label = `entry ${this.#count + 1}`;
    if (checksum(block) !== number(block, 148, 8)) {
      throw refuse(`${label}: the checksum of its header is wrong: the archive is damaged`);
    }
    const flag = String.fromCharCode(block[156] ?? 0);
    const size = number(block, 124, 12);
    if (!Number.isSafeInteger(size) || size < 0) throw refuse(`${label}: its size is not a number`);
    if (flag === "x" || flag === "g" || flag === "L" || flag === "K") {
      this.#headerBytes += size;
      if (this.#headerBytes > this.#limits.headerBytes) {
        throw exhausted(
          `${label}: its extended header is larger than ${this.#limits.headerBytes} bytes`,
        );
      }
      const left = padded(size);
      if (left === 0) this.#takeBody({ flag, size }, Buffer.alloc(0));
      else this.#state = { at: "body", header: { flag, size }, chunks: [], left };
      return;
    }
    if (flag === "V") {
      // A volume label is a note, not a file.
      this.#forget();
      this.#content(size, "nothing");
      return;
    }
    this.#takeEntry(block, flag, size);
  }

  #takeBody({ flag, size }: Header, body: Buffer): void {
    const bytes = body.subarray(0, size);
    this.#state = { at: "header" };
    if (flag === "L") this.#longName = untilNul(bytes);
    else if (flag === "K") this.#longLink = untilNul(bytes);
    else {
      const records = this.#named(() => parsePaxRecords(bytes));
      if (flag === "g") this.#global = [...this.#global, ...records].slice(-1000);
      else this.#local = [...this.#local, ...records];
    }
  }

  #takeEntry(block: Buffer, flag: string, headerSize: number): void {
    this.#count++;
    if (this.#count > this.#limits.entries) {
      throw exhausted(`it has more than ${this.#limits.entries} entries`);
    }
    const records = this.#global.length === 0 ? this.#local : [...this.#global, ...this.#local];
    const text = (key: string): string | undefined => {
      const value = records.findLast((record) => record.key === key)?.value;
      // An empty value takes back what a global header said.
      return value === undefined || value.length === 0 ? undefined : value.toString("latin1");
    };
    const name = text("GNU.sparse.name") ?? text("path") ?? this.#longName;
    const linkName = text("linkpath") ?? this.#longLink;
    const shown = name ?? headerName(block);
    const type = this.#typeOf(flag, shown, headerSize);
    const sizeText = text("size");
    const size =
      type !== "file"
        ? 0
        : sizeText === undefined
          ? headerSize
          : this.#named(() => paxNumber(Buffer.from(sizeText), "size"), shown);
    const sparse =
      type !== "file" || records.length === 0
        ? undefined
        : this.#named(() => sparseOf(records), shown);
    if (!Number.isSafeInteger(padded(size)))
      throw refuse(`${this.#label(shown)}: its size is not a number`);
    this.#forget();
    const entry: GuardedEntry = {
      number: this.#count,
      // The blocks of a sparse map may come with the next chunk.
      header: flag === "S" ? Buffer.from(block) : block,
      type,
      size,
      records,
      ...(name === undefined ? {} : { name }),
      ...(linkName === undefined ? {} : { linkName }),
      ...(sparse === undefined ? {} : { sparse }),
    };
    if (flag !== "S") {
      this.#out.push(entry);
      const isRange = size > this.#rangesAbove && sparse === undefined;
      this.#content(size, isRange ? "range" : "bytes");
      return;
    }
    // Old GNU sparse: four ranges in the header, more in blocks that follow it.
    this.#sparseEntry = { entry, realSize: number(block, 483, 12), shown };
    this.#continueSparse(block, 386, 4, 482, []);
  }

  /** Waits for the blocks of its map. */
  #sparseEntry:
    | { readonly entry: GuardedEntry; readonly realSize: number; readonly shown: string }
    | undefined;

  #continueSparse(block: Buffer, at: number, slots: number, more: number, numbers: number[]): void {
    const pending = this.#sparseEntry;
    if (pending === undefined) throw refuse("its sparse map is malformed");
    for (let slot = 0; slot < slots; slot++) {
      const start = at + 24 * slot;
      // An unused slot begins with NUL.
      if (block[start + 12] === 0) break;
      numbers.push(number(block, start, 12), number(block, start + 12, 12));
    }
    if (numbers.some((each) => !Number.isSafeInteger(each) || each < 0)) {
      throw refuse(`${this.#label(pending.shown)}: its sparse map is malformed`);
    }
    if (block[more] !== 0 && numbers.length <= 200_000) {
      this.#state = { at: "sparse", numbers };
      return;
    }
    const { realSize } = pending;
    if (!Number.isSafeInteger(realSize) || realSize < 0) {
      throw refuse(`${this.#label(pending.shown)}: its sparse map is malformed`);
    }
    const ranges = this.#named(() => sparseRanges(numbers, realSize), pending.shown);
    this.#out.push({ ...pending.entry, sparse: { realSize, ranges } });
    this.#sparseEntry = undefined;
    this.#content(pending.entry.size, "bytes");
  }

  #typeOf(flag: string, name: string, size: number): TarType {
    const type = types[flag];
    if (type === undefined) {
      throw refuse(
        `${this.#label(name)}: entries of type ${JSON.stringify(flag)} are not supported`,
      );
    }
    if (type !== "file" || !name.endsWith("/")) return type;
    if (size > 0) throw refuse(`${this.#label(name)}: it is a file and its name ends with "/"`);
    return "directory";
  }

  #content(size: number, as: ContentForm): void {
    const padding = padded(size) - size;
    this.#state = size === 0 ? { at: "header" } : { at: "content", left: size, padding, as };
  }

  #forget(): void {
    this.#local = [];
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#headerBytes = 0;
  }

  #label(name?: string): string {
    return name === undefined
      ? `entry ${this.#count + 1}`
      : `entry ${this.#count} (${printableName(name)})`;
  }

  /** Puts the entry in front of the sentence of a parser. */
  #named<T>(parse: () => T, name?: string): T {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      throw new PodError(error.kind, `${this.#label(name)}: ${error.message}`, { cause: error });
    }
  }
}

/** A name of one character per byte as text in quotes, at most 100 characters of it. */
export function printableName(name: string): string {
  const text = Buffer.from(name.slice(0, 400), "latin1").toString("utf8");
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 99)}…` : text);
}

/** The name that the header itself has; only for messages and the trailing slash. */
function headerName(block: Buffer): string {
  return untilNul(block.subarray(0, 100));
}

function untilNul(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString("latin1", 0, end < 0 ? bytes.length : end);
}

function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}

function isZero(block: Buffer): boolean {
  return block[0] === 0 && block.equals(zeroBlock);
}

const zeroBlock: Buffer = Buffer.alloc(blockSize);

/** Octal text or base 256; NaN when it is neither. */
function number(block: Buffer, at: number, length: number): number {
  const first = block[at] ?? 0;
  if (first === 0x80) {
    let value = 0;
    for (let i = at + 1; i < at + length; i++) value = value * 256 + (block[i] ?? 0);
    return value;
  }
  const end = at + length;
  let from = at;
  while (from < end && isBlank(block[from])) from++;
  let value = 0;
  for (let i = from; i < end && !isBlank(block[i]); i++) {
    const digit = (block[i] ?? 0) - 0x30;
    if (digit < 0 || digit > 7) return Number.NaN;
    value = value * 8 + digit;
  }
  return value;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0;
}

/** Sum of the header's bytes, its own field counted as spaces. */
function checksum(block: Buffer): number {
  let sum = 8 * 0x20;
  for (let i = 0; i < 148; i++) sum += block[i] ?? 0;
  for (let i = 156; i < blockSize; i++) sum += block[i] ?? 0;
  return sum;
}

function refuse(message: string): PodError {
  return new PodError("InvalidArgument", message);
}

function exhausted(message: string): PodError {
  return new PodError("ResourceExhausted", message);
}
