/**
 * Blocks of a log file as the text that the container wrote, without a string or an object per line: a log of
 * hundreds of megabytes is read as fast as it is written.
 *
 *   2026-01-02T03:04:05.000000001Z stdout F one⏎2026-… stdout P tw⏎2026-… stdout F o⏎   ─▶   one⏎two⏎
 *
 * The text is shorter than what it comes from, so it is written over it, in the same block.
 */
import { longestLine, parseLogLine, timestampMs } from "./log-line.ts";
import type { LogDecoder } from "./logs.ts";

export interface LogTextOptions {
  /** Puts the time in front of each line. */
  readonly timestamps?: boolean;
  /** Only lines that are not older, in ms since the epoch. */
  readonly sinceMs?: number;
}

/** What shims write: "2026-01-02T03:04:05.000000001Z stdout F " (native/shim_log.c). */
const shape = "0000-00-00T00:00:00.000000000Z std";
const plainHead = 40;
const [blank, newline, digit0, digit9] = [0x20, 0x0a, 0x30, 0x39];
/** For each place of `shape` the byte that has to be there; 0 for a digit. */
const fixed = Uint8Array.from(shape, (letter) => (letter === "0" ? 0 : letter.charCodeAt(0)));
const [letterF, letterP] = [0x46, 0x50];
/** The last three letters of "stdout" and "stderr" as one number. */
const [out, err] = [0x6f7574, 0x657272];

/** The place of the parts of one line. */
interface Head {
  /** Of the time stamp. */
  readonly size: number;
  readonly isStderr: boolean;
  readonly isPartial: boolean;
  /** Where the content begins, from the start of the line. */
  readonly content: number;
}

// Every head that a shim can write: nothing is made for a line.
const plainHeads: readonly Head[] = [false, true].flatMap((isStderr) =>
  [false, true].map((isPartial) => ({ size: 30, isStderr, isPartial, content: plainHead })),
);

export class LogText implements LogDecoder<Buffer> {
  readonly #options: LogTextOptions;
  /** An unfinished line. */
  #rest: Buffer = Buffer.alloc(0);
  #isSkipping = false;
  /** The head of the last line: a shim gives one time to all lines that it reads at once. */
  readonly #lastBytes = new Uint8Array(plainHead);
  #last: Head | undefined;
  /** Whether the next entry of the stream goes on with a line of more than 16 KiB. */
  readonly #isContinued = { stdout: false, stderr: false };

  constructor(options: LogTextOptions = {}) {
    this.#options = options;
  }

  /** The file does not grow any more: an unfinished line stays so. */
  endFile(): void {
    this.#rest = Buffer.alloc(0);
    this.#isSkipping = false;
  }

  /** @param block - is written over. @returns the text, a part of the block or of a copy; nothing when there is none. */
  push(block: Buffer): readonly Buffer[] {
    const bytes = this.#rest.length === 0 ? block : Buffer.concat([this.#rest, block]);
    let [at, put] = [0, 0];
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, at)) {
      if (!this.#isSkipping && end - at <= longestLine) put = this.#take(bytes, at, end, put);
      this.#isSkipping = false;
      at = end + 1;
    }
    this.#keep(bytes.subarray(at));
    return put === 0 ? [] : [bytes.subarray(0, put)];
  }

  #keep(rest: Buffer): void {
    this.#isSkipping ||= rest.length > longestLine;
    // A copy: the block belongs to who got its text.
    this.#rest = this.#isSkipping ? Buffer.alloc(0) : Buffer.from(rest);
  }

  /** Writes the text of one line at `put`. @returns the end of it. */
  #take(bytes: Buffer, at: number, end: number, put: number): number {
    const head = this.#plainHead(bytes, at, end) ?? headOf(bytes.subarray(at, end));
    if (head === undefined) return put;
    const { timestamps, sinceMs } = this.#options;
    if (sinceMs !== undefined) {
      if (!(timestampMs(bytes.toString("latin1", at, at + head.size)) >= sinceMs)) return put;
    }
    const stream = head.isStderr ? "stderr" : "stdout";
    let next = put;
    if (timestamps && !this.#isContinued[stream]) {
      bytes.copyWithin(next, at, at + head.size);
      next += head.size;
      bytes[next++] = blank;
    }
    this.#isContinued[stream] = head.isPartial;
    const from = at + head.content;
    // With the newline, which ends the file's line and the container's.
    const to = head.isPartial ? end : end + 1;
    bytes.copyWithin(next, from, to);
    return next + to - from;
  }

  #plainHead(bytes: Buffer, at: number, end: number): Head | undefined {
    if (end - at < plainHead) return undefined;
    if (this.#last !== undefined && hasHead(bytes, at, this.#lastBytes)) return this.#last;
    this.#last = plainHeadAt(bytes, at);
    this.#lastBytes.set(bytes.subarray(at, at + plainHead));
    return this.#last;
  }
}

function hasHead(bytes: Buffer, at: number, head: Uint8Array): boolean {
  for (let index = 0; index < plainHead; index++) {
    if (bytes[at + index] !== head[index]) return false;
  }
  return true;
}

function plainHeadAt(bytes: Buffer, at: number): Head | undefined {
  for (let index = 0; index < fixed.length; index++) {
    const byte = bytes[at + index] ?? 0;
    const want = fixed[index];
    if (want === 0 ? byte < digit0 || byte > digit9 : byte !== want) return undefined;
  }
  if (bytes[at + 37] !== blank || bytes[at + 39] !== blank) return undefined;
  const stream =
    ((bytes[at + 34] ?? 0) << 16) | ((bytes[at + 35] ?? 0) << 8) | (bytes[at + 36] ?? 0);
  if (stream !== out && stream !== err) return undefined;
  const tag = bytes[at + 38];
  if (tag !== letterF && tag !== letterP) return undefined;
  return plainHeads[(stream === err ? 2 : 0) + (tag === letterP ? 1 : 0)];
}

/** Of a line as others write it, e.g. with an offset for Z. */
function headOf(line: Buffer): Head | undefined {
  const parsed = parseLogLine(line);
  if (parsed === undefined) return undefined;
  const { timestamp, stream, partial, content } = parsed;
  return {
    size: timestamp.length,
    isStderr: stream === "stderr",
    isPartial: partial,
    content: line.length - content.length,
  };
}
