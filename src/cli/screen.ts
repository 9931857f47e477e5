/**
 * Where commands print: standard output for results, standard error for remarks. Commands get it
 * as an argument, so tests read what they print.
 */
import { visible, visibleLog } from "./terminal.ts";

interface Sink {
  write(chunk: string | Uint8Array, done?: () => void): unknown;
  once(event: "drain", run: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

export interface ScreenOptions {
  readonly out: Sink;
  readonly err: Sink;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export class Screen {
  readonly #out: Sink;
  readonly #err: Sink;
  /** Whether results go to a terminal. */
  readonly isTerminal: boolean;
  /** Whether remarks go to a terminal: progress bars need it. */
  readonly isRemarkTerminal: boolean;
  /** A terminal, and neither NO_COLOR (no-color.org) nor TERM=dumb. */
  readonly hasColours: boolean;

  constructor({ out, err, env }: ScreenOptions) {
    this.#out = out;
    this.#err = err;
    this.isTerminal = out.isTTY === true;
    this.isRemarkTerminal = err.isTTY === true;
    this.hasColours = this.isTerminal && !env["NO_COLOR"] && env["TERM"] !== "dumb";
  }

  get columns(): number {
    // A terminal whose size nobody has set says 0.
    return this.#err.columns || 80;
  }

  get rows(): number {
    return this.#out.rows || 24;
  }

  /** Prints lines of a result; control characters become visible on a terminal. */
  print(text: string): void {
    this.#out.write(`${this.isTerminal ? visible(text) : text}\n`);
  }

  /** Prints a line of a log. @param prefix - trusted text before it, may hold colours. */
  printLog(line: string, prefix: string = "", isRaw: boolean = false): void {
    this.#out.write(`${prefix}${this.isTerminal && !isRaw ? visibleLog(line) : line}\n`);
  }

  /** Bytes as they are; false when the reader is slow. */
  write(chunk: string | Uint8Array): boolean {
    return this.#out.write(chunk) !== false;
  }

  /**
   * Bytes as they are. @returns when the kernel has them: their memory may be used again. Also when nobody reads them any
   * more: that is the stream's own event.
   */
  async handOver(bytes: Uint8Array): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#out.write(bytes, () => resolve());
    await promise;
  }

  /** After `write` gave false: until more may be written. */
  async drained(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#out.once("drain", resolve);
    await promise;
  }

  /** A remark, warning or error on standard error. */
  remark(text: string): void {
    this.#err.write(`${this.isRemarkTerminal ? visible(text) : text}\n`);
  }

  /** Rewrites the last line of a terminal; only when `isRemarkTerminal`. */
  progress(text: string): void {
    this.#err.write(`\r\x1b[K${visible(text)}`);
  }
}
