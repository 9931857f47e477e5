/** One line of a log file in the CRI format. Parsing takes any bytes: the file may be damaged. */

export interface LogLine {
  /** RFC 3339 with nanoseconds, as written. */
  readonly timestamp: string;
  readonly stream: "stdout" | "stderr";
  /** The next line of this stream goes on with it; otherwise a newline ended it. */
  readonly partial: boolean;
  /** Without that newline; any bytes. */
  readonly content: Buffer;
}

const timestampPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;
/** "2016-10-06T00:17:09.669794202+00:00 stderr F " and a little more. */
const longestHead = 64;

/** @param line - without its newline. @returns undefined when it is no line of a log. */
export function parseLogLine(line: Buffer): LogLine | undefined {
  const head = line.toString("latin1", 0, Math.min(line.length, longestHead));
  const [timestamp = "", stream, tag] = head.split(" ", 3);
  if (!timestampPattern.test(timestamp)) return undefined;
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  // Other tags may be joined with colons (CRI): the first one is the one that counts.
  const kind = tag?.split(":", 1)[0];
  if (tag === undefined || (kind !== "F" && kind !== "P")) return undefined;
  const start = timestamp.length + stream.length + tag.length + 3;
  // Without the third blank the line is torn, even if it looks whole.
  if (head[start - 1] !== " ") return undefined;
  return { timestamp, stream, partial: kind === "P", content: line.subarray(start) };
}

/** Ms since the epoch; parts of a ms are cut off. NaN for dates that are none. */
export function timestampMs(timestamp: string): number {
  return Date.parse(timestamp.replace(/(\.\d{3})\d*/, "$1"));
}

/** Encodes a line as a shim writes it. */
export function formatLogLine(line: LogLine): Buffer {
  const head = `${line.timestamp} ${line.stream} ${line.partial ? "P" : "F"} `;
  return Buffer.concat([Buffer.from(head), line.content, Buffer.from("\n")]);
}

/** Longer than any line that a shim writes (16 KiB and its head): what is longer is damage. */
export const longestLine: number = 32 * 1024;

const newline = 0x0a;

/** Cuts blocks of a file into lines. Lines that are too long to be true are left out. */
export class LineSplitter {
  #isSkipping = false;

  /**
   * @param block - begins with what was not done with before; what is in front of `start` is.
   * @param take - gets the place of each complete line, without its newline.
   * @returns how many bytes are done with; what is left is shorter than the longest line.
   */
  split(block: Buffer, start: number, take: (from: number, to: number) => void): number {
    let at = start;
    for (let end = block.indexOf(newline, at); end >= 0; end = block.indexOf(newline, at)) {
      if (!this.#isSkipping && end - at <= longestLine) take(at, end);
      this.#isSkipping = false;
      at = end + 1;
    }
    this.#isSkipping ||= block.length - at > longestLine;
    return this.#isSkipping ? block.length : at;
  }

  /** In the middle of such a line. */
  get isSkipping(): boolean {
    return this.#isSkipping;
  }

  /** The file does not grow any more: an unfinished line stays so. */
  endFile(): void {
    this.#isSkipping = false;
  }
}
