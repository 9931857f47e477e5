/**
 * Blocks of a log file as the text that the container wrote, without a string or an object per line: a log of
 * hundreds of megabytes is read as fast as it is written (decision 0213).
 *
 *   2026-01-02T03:04:05.000000001Z stdout F one⏎2026-… stdout P tw⏎2026-… stdout F o⏎   ─▶   one⏎two⏎
 *
 * The text is shorter than what it comes from, so it is written over it, in the same block. The C core does that for
 * lines as shims write them; damaged ones and those of others, e.g. with an offset for Z, are looked at here.
 */
import { LogTextState } from "../sys/log-text.ts";
import { LineSplitter, parseLogLine, timestampMs } from "./log-line.ts";
import type { Decoded, LogDecoder } from "./logs.ts";

export interface LogTextOptions {
  /** Puts the time in front of each line. */
  readonly timestamps?: boolean;
  /** Only lines that are not older, in ms since the epoch. */
  readonly sinceMs?: number;
}

/** The last moment that RFC 3339 has. */
const lastMs = Date.UTC(10_000, 0) - 1;

export class LogText implements LogDecoder<Buffer> {
  readonly #hasTimes: boolean;
  readonly #sinceMs: number | undefined;
  readonly #state: LogTextState;
  readonly #splitter = new LineSplitter();

  constructor({ timestamps = false, sinceMs }: LogTextOptions = {}) {
    this.#hasTimes = timestamps;
    this.#sinceMs = sinceMs;
    this.#state = new LogTextState(timestamps, sinceMs === undefined ? "" : formatTime(sinceMs));
  }

  /** @param block - is written over. @returns the text, a part of the block; nothing when there is none. */
  decode(block: Buffer): Decoded<Buffer> {
    const taken = this.#splitter.isSkipping ? { used: 0, size: 0 } : this.#state.take(block);
    let put = taken.size;
    const used = this.#splitter.split(block, taken.used, (from, to) => {
      put = this.#take(block, from, to, put);
    });
    return { found: put === 0 ? [] : [block.subarray(0, put)], used };
  }

  endFile(): void {
    this.#splitter.endFile();
  }

  /** Writes the text of one line at `put`. @returns the end of it. */
  #take(block: Buffer, from: number, to: number, put: number): number {
    const line = parseLogLine(block.subarray(from, to));
    if (line === undefined) return put;
    const sinceMs = this.#sinceMs;
    if (sinceMs !== undefined && !(timestampMs(line.timestamp) >= sinceMs)) return put;
    const { timestamp, stream, partial, content } = line;
    const isNamed = this.#hasTimes && !this.#state.isContinued(stream);
    const text = isNamed ? put + block.write(`${timestamp} `, put, "latin1") : put;
    this.#state.setContinued(stream, partial);
    // With the newline, which ends the file's line and the container's.
    const end = partial ? to : to + 1;
    block.copyWithin(text, to - content.length, end);
    return text + content.length + (partial ? 0 : 1);
  }
}

/** As shims write times (native/shim_log.c). */
function formatTime(ms: number): string {
  const shown = Math.min(Math.max(ms, 0), lastMs);
  return new Date(shown).toISOString().replace("Z", "000000Z");
}
