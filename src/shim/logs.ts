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
  fillFrom,
  findTail,
  inodeOf,
  type LogFile,
  openLogFiles,
} from "./log-files.ts";
import { LineSplitter, type LogLine, parseLogLine } from "./log-line.ts";

export type { LogLine } from "./log-line.ts";

export interface LogOptions {
  /** Goes on with what is written later, until `until` or `signal`. */
  readonly follow?: boolean;
  /** Only the last lines, 0..; a line in parts counts once. */
  readonly tailLines?: number;
  readonly signal?: AbortSignal;
  /** Ends a follow: the container is finished. What was written before is still read. */
  readonly until?: Promise<void>;
}

/** What a reader takes at once. Its memory is touched as far as it is filled. */
const blockSize = 256 * 1024;

/** What a decoder made of a block. */
export interface Decoded<T> {
  readonly found: readonly T[];
  /** Bytes that are done with. The others come again, in front of what follows them; all of a full block are done with. */
  readonly used: number;
}

/** Makes something of the bytes of a log's files. */
export interface LogDecoder<T> {
  /** @param block - the next bytes of the file; written over when the decoder is asked again. */
  decode(block: Buffer): Decoded<T>;
  /** What follows is another file. */
  endFile(): void;
}

/**
 * Reads a container's log.
 * @param path - of the current file. While there is none, nothing comes, and a follow waits for it.
 * Lines that are damaged, or that a crash cut off, are left out. Parts of long lines come as they
 * are: joining them is the caller's choice.
 */
export function readLogs(path: string, options: LogOptions): AsyncGenerator<LogLine> {
  return decodeLogs(path, options, new LineDecoder());
}

/**
 * Reads a container's log as something else. One block serves all reads: memory of its own for each would be given back
 * by full collections of garbage, which cost several times what reading does. What comes may be a part of that block, so
 * who takes it is done with it before asking for more.
 */
export async function* decodeLogs<T>(
  path: string,
  options: LogOptions,
  decoder: LogDecoder<T>,
): AsyncGenerator<T> {
  // Before the first read: a change between a read and the watch would go unseen.
  using changes = options.follow ? new Changes(path, options) : undefined;
  let files = await openLogFiles(path);
  try {
    const { tailLines } = options;
    const from = tailLines === undefined ? undefined : await findTail(files, tailLines);
    let reader = new LogReader(files.slice(from?.index ?? 0), from?.offset ?? 0, decoder);
    for (;;) {
      // Asked before the read: what was written until then is read below.
      const isLast = changes === undefined || changes.isEnding;
      yield* reader.read(options.signal);
      if (options.signal?.aborted) return;
      const inode = await inodeOf(path);
      if (inode !== undefined && inode !== files.at(-1)?.inode) {
        // Rotated, and the last lines of the old file may have come after our read of it.
        yield* reader.read(options.signal);
        const current = files.at(-1)?.inode;
        await closeLogFiles(files);
        files = await openLogFiles(path);
        const known = files.findIndex((file) => file.inode === current);
        // Not found: it was removed, so everything that is there is new.
        decoder.endFile();
        reader = new LogReader(files.slice(known + 1), 0, decoder);
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
class LogReader<T> {
  readonly #files: readonly LogFile[];
  readonly #decoder: LogDecoder<T>;
  #index = 0;
  readonly #block = Buffer.allocUnsafeSlow(blockSize);
  #offset: number;

  constructor(files: readonly LogFile[], offset: number, decoder: LogDecoder<T>) {
    this.#files = files;
    this.#offset = offset;
    this.#decoder = decoder;
  }

  async *read(signal: AbortSignal | undefined): AsyncGenerator<T> {
    for (let file = this.#files[this.#index]; file; file = this.#files[this.#index]) {
      const size = await fillFrom(file.handle, this.#offset, this.#block);
      if (signal?.aborted) return;
      const { found, used } = this.#decoder.decode(this.#block.subarray(0, size));
      if (used === 0) {
        if (this.#index === this.#files.length - 1) return;
        this.#index++;
        this.#offset = 0;
        this.#decoder.endFile();
        continue;
      }
      this.#offset += used;
      yield* found;
    }
  }
}

class LineDecoder implements LogDecoder<LogLine> {
  readonly #splitter = new LineSplitter();

  decode(block: Buffer): Decoded<LogLine> {
    // Who gets a line may keep it.
    const bytes = Buffer.from(block);
    const found: LogLine[] = [];
    const used = this.#splitter.split(bytes, 0, (from, to) => {
      const line = parseLogLine(bytes.subarray(from, to));
      if (line) found.push(line);
    });
    return { found, used };
  }

  endFile(): void {
    this.#splitter.endFile();
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
