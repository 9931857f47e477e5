/**
 * Reads the log files that a shim writes: `0.log` and what it was rotated to, `0.log.1` (newest)
 * to `0.log.N`. Lines of native/shim_log.h: `<RFC 3339> stdout|stderr F|P <content>`.
 *
 * `tailLines` reads from the end in blocks, so a long log costs no more than the lines asked for.
 * Following waits for changes of the folder (inotify), see base/watch-changes.ts. A rotation is noticed by
 * the inode: the old file is read to its end first, then the new one from its start.
 */
import { basename, dirname } from "node:path";
import { watchChanges } from "../base/watch-changes.ts";
import {
  closeLogFiles,
  findTail,
  inodeOf,
  type LogFile,
  openLogFiles,
  readAt,
} from "./log-files.ts";
import { LineSplitter, type LogLine, parseLogLine, timestampMs } from "./log-line.ts";

export type { LogLine } from "./log-line.ts";

export interface LogOptions {
  /** Goes on with what is written later, until `until` or `signal`. */
  readonly follow?: boolean;
  /** Only the last lines, 0..; a line in parts counts once. */
  readonly tailLines?: number;
  /** Only lines that are not older, in ms since the epoch. */
  readonly sinceMs?: number;
  /** Ends after this many bytes of content; the last line may be cut. */
  readonly limitBytes?: number;
  readonly signal?: AbortSignal;
  /** Ends a follow: the container is finished. What was written before is still read. */
  readonly until?: Promise<void>;
}

const blockSize = 64 * 1024;

/**
 * Reads a container's log.
 * @param path - of the current file. While there is none, nothing comes, and a follow waits for it.
 * Lines that are damaged, or that a crash cut off, are left out. Parts of long lines come as they
 * are: joining them is the caller's choice.
 */
export async function* readLogs(path: string, options: LogOptions): AsyncGenerator<LogLine> {
  if (options.limitBytes === undefined) {
    yield* selectedLines(path, options);
    return;
  }
  let left = options.limitBytes;
  if (left <= 0) return;
  for await (const line of selectedLines(path, options)) {
    const size = line.content.length + (line.partial ? 0 : 1);
    if (size > left) yield { ...line, partial: true, content: line.content.subarray(0, left) };
    else yield line;
    left -= size;
    if (left <= 0) return;
  }
}

async function* selectedLines(path: string, options: LogOptions): AsyncGenerator<LogLine> {
  const { sinceMs } = options;
  for await (const line of allLines(path, options)) {
    if (sinceMs === undefined || timestampMs(line.timestamp) >= sinceMs) yield line;
  }
}

async function* allLines(path: string, options: LogOptions): AsyncGenerator<LogLine> {
  // Before the first read: a change between a read and the watch would go unseen.
  using changes = options.follow ? new Changes(path, options) : undefined;
  let files = await openLogFiles(path);
  try {
    const { tailLines } = options;
    const from = tailLines === undefined ? undefined : await findTail(files, tailLines);
    let reader = new LogReader(files.slice(from?.index ?? 0), from?.offset ?? 0);
    for (;;) {
      // Asked before the read: what was written until then is read below.
      const isLast = changes === undefined || changes.isEnding;
      yield* reader.lines(options.signal);
      if (options.signal?.aborted) return;
      const inode = await inodeOf(path);
      if (inode !== undefined && inode !== files.at(-1)?.inode) {
        // Rotated, and the last lines of the old file may have come after our read of it.
        yield* reader.lines(options.signal);
        const current = files.at(-1)?.inode;
        await closeLogFiles(files);
        files = await openLogFiles(path);
        const known = files.findIndex((file) => file.inode === current);
        // Not found: it was removed, so everything that is there is new.
        reader = new LogReader(files.slice(known + 1), 0);
        continue;
      }
      if (isLast) return;
      await changes.next();
    }
  } finally {
    await closeLogFiles(files);
  }
}

/** Reads files one after the other; can be asked again when the last one has grown. */
class LogReader {
  readonly #files: readonly LogFile[];
  #index = 0;
  #offset: number;
  #splitter = new LineSplitter();

  constructor(files: readonly LogFile[], offset: number) {
    this.#files = files;
    this.#offset = offset;
  }

  async *lines(signal: AbortSignal | undefined): AsyncGenerator<LogLine> {
    for (let file = this.#files[this.#index]; file; file = this.#files[this.#index]) {
      const block = await readAt(file.handle, this.#offset, blockSize);
      if (signal?.aborted) return;
      if (block.length === 0) {
        if (this.#index === this.#files.length - 1) return;
        this.#index++;
        this.#offset = 0;
        // An unfinished line stays so: its file does not grow any more.
        this.#splitter = new LineSplitter();
        continue;
      }
      this.#offset += block.length;
      for (const bytes of this.#splitter.push(block)) {
        const line = parseLogLine(bytes);
        if (line) yield line;
      }
    }
  }
}

/** Waits for changes of a log, for the end of its container, and for the reader's own end. */
class Changes implements Disposable {
  readonly #watching: { close(): void };
  readonly #signal: AbortSignal | undefined;
  readonly #wake = (): void => {
    this.#hasChanged = true;
    this.#resolve?.();
  };
  #hasChanged = false;
  #resolve: (() => void) | undefined;
  isEnding = false;

  constructor(path: string, options: LogOptions) {
    const name = basename(path);
    // The folder may be removed under us: `until` or `signal` end the follow then.
    this.#watching = watchChanges(dirname(path), (changed) => {
      if (changed === null || changed === name) this.#wake();
    });
    this.#signal = options.signal;
    this.#signal?.addEventListener("abort", this.#wake);
    const end = (): void => {
      this.isEnding = true;
      this.#wake();
    };
    options.until?.then(end, end);
  }

  async next(): Promise<void> {
    if (!this.#hasChanged && !this.#signal?.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#resolve = resolve;
      await promise;
    }
    this.#resolve = undefined;
    this.#hasChanged = false;
  }

  [Symbol.dispose](): void {
    this.#watching.close();
    this.#signal?.removeEventListener("abort", this.#wake);
  }
}
