// A program that runs while the test talks to it: reads what it says, writes to it, signals it.
// Invariant: waiting for words or for the end has a bound, and `kill` takes the whole group.
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { constants } from "node:os";
import { patient } from "./patience.ts";

export interface LiveOptions {
  readonly env?: Readonly<Record<string, string>>;
}

export class LiveCommand implements AsyncDisposable {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #words: string;
  readonly #exit: Promise<number>;
  #ended = false;
  #changed = Promise.withResolvers<void>();
  /** What it wrote so far. */
  stdout = "";
  stderr = "";

  constructor(file: string, args: readonly string[], { env }: LiveOptions = {}) {
    this.#words = [file, ...args].join(" ");
    this.#child = spawn(file, args, { detached: true, env: { ...process.env, ...env } });
    this.#child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      this.stdout += chunk;
      this.#notify();
    });
    this.#child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      this.stderr += chunk;
      this.#notify();
    });
    // EPIPE: it may end without reading what we send.
    this.#child.stdin.on("error", () => undefined);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#exit = promise;
    promise.catch(() => undefined);
    this.#child.on("error", reject);
    this.#child.on("close", (code, signal) => {
      this.#ended = true;
      this.#notify();
      resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  write(text: string | Uint8Array): void {
    this.#child.stdin.write(text);
  }

  /** Closes its stdin. */
  end(): void {
    this.#child.stdin.end();
  }

  /** Sends a signal to the program alone. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until what it wrote to stdout (or, when asked, stderr) matches. */
  async says(
    pattern: RegExp,
    options: { ms?: number; on?: "stdout" | "stderr" } = {},
  ): Promise<void> {
    const { ms = 20_000, on = "stdout" } = options;
    await this.#within(ms, `match ${pattern}`, async () => {
      while (!pattern.test(this[on])) {
        if (this.#ended) throw new Error(`${this.#report()} ended and did not match ${pattern}`);
        await this.#changed.promise;
      }
    });
  }

  /** Its exit status (128 + number of the signal), once all its output is read. */
  async exit(ms = 20_000): Promise<number> {
    return await this.#within(ms, "end", () => this.#exit);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    try {
      process.kill(-this.pid, "SIGKILL");
    } catch {
      // ESRCH: it ended just now.
    }
    await this.exit();
  }

  async #within<T>(ms: number, what: string, work: () => Promise<T>): Promise<T> {
    const { promise: overdue, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      reject(new Error(`${this.#report()} did not ${what} within ${ms} ms`));
    }, patient(ms));
    try {
      return await Promise.race([work(), overdue]);
    } finally {
      clearTimeout(timer);
    }
  }

  #report(): string {
    return `"${this.#words}" (stdout: ${this.stdout}; stderr: ${this.stderr})`;
  }
}
