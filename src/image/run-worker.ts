/**
 * Starts image helpers and talks to them: the daemon's event loop never reads, hashes or unpacks
 * content itself. A helper gets an empty environment, its content on descriptor 3, and dies with us.
 * One that has no task waits for it, with everything loaded.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Readable, Writable } from "node:stream";
import { type ErrorKind, PodError } from "../base/errors.ts";
import { failpointVariable } from "../base/failpoint.ts";
import { errnoKind, errnoMeaning } from "../sys/syscall-error.ts";
import type { MemberReport, Note, Report, Task } from "./messages.ts";

export interface WorkerHooks {
  readonly onProgress?: (bytes: number) => void;
  readonly onWarning?: (sentence: string) => void;
  readonly onMember?: (member: MemberReport) => void;
  readonly onGrown?: (file: number, bytes: number, isComplete: boolean) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Content for descriptor 3: an open descriptor, or a stream that is piped in. */
export type Content = number | Readable | undefined;

const maxStderr = 4096;

/** One running helper. It has one task at a time. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #fail: (error: unknown) => void;
  #hooks: WorkerHooks = {};
  #done: PromiseWithResolvers<unknown> = pending();
  /** Why there will be no more reports. */
  #failure: { readonly error: unknown } | undefined;
  /** After `note("sync")`: the files are on disk. */
  readonly synced: Promise<void>;
  /** The process is gone. */
  readonly exited: Promise<void>;

  constructor(content?: Content) {
    const synced = pending<void>();
    const exited = Promise.withResolvers<void>();
    this.synced = synced.promise;
    this.exited = exited.promise;

    const isPiped = typeof content === "object";
    this.#child = spawn(process.execPath, [workerPath()], {
      env: helperEnvironment(),
      cwd: "/",
      stdio: ["pipe", "pipe", "pipe", isPiped ? "pipe" : (content ?? "ignore")],
    });
    const child = this.#child;
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr = `${stderr}${text}`.slice(-maxStderr);
    });
    const settle = (report: Report): void => {
      const hooks = this.#hooks;
      if (report.type === "progress") hooks.onProgress?.(report.bytes);
      if (report.type === "warning") hooks.onWarning?.(report.sentence);
      if (report.type === "member") hooks.onMember?.(report);
      if (report.type === "grown") hooks.onGrown?.(report.file, report.bytes, report.isComplete);
      if (report.type === "done") this.#done.resolve(report.result);
      if (report.type === "synced") synced.resolve();
      if (report.type === "error") fail(new PodError(report.kind, report.message));
    };
    const fail = (error: unknown): void => {
      this.#failure ??= { error };
      this.#done.reject(error);
      synced.reject(error);
    };
    this.#fail = fail;
    if (child.stdout) {
      const lines = createInterface({ input: child.stdout });
      lines.on("line", (line) => {
        try {
          // Our own program writes these lines.
          settle(JSON.parse(line) as Report);
        } catch (error) {
          // Of a hook: what comes of the report belongs to the task.
          fail(error);
        }
      });
    }
    // EPIPE: the helper has ended, its report or its exit says why.
    child.stdin?.on("error", () => undefined);
    child.on("error", (cause) => {
      fail(startError(cause));
      exited.resolve();
    });
    // Without descriptors for it there is no process, and there are no streams either: "error" says so.
    const streams: ChildProcess["stdio"] | undefined = child.stdio;
    if (isPiped && streams !== undefined) pipeInto(content, streams[3], fail);
    // "close" comes after the last line of stdout was read.
    child.on("close", (code, signal) => {
      const kind: ErrorKind = signal === "SIGKILL" ? "ResourceExhausted" : "Internal";
      const how = signal === null ? `exit status ${code}` : signal;
      // One line: the error of a stack trace, or the last words.
      const lines = stderr.split("\n").filter((line) => line.trim() !== "");
      const line = lines.find((each) => /^\w*Error/.test(each)) ?? lines.at(-1);
      const said = line === undefined ? "" : `: ${line.trim()}`;
      fail(new PodError(kind, `the image helper ended with ${how}${said}`));
      exited.resolve();
    });
  }

  /** What the helper reports of its task. @throws PodError with its sentence. */
  get done(): Promise<unknown> {
    return this.#done.promise;
  }

  /** Gives it a task, after the one before is done. What it comes to is `done`. */
  begin(task: Task, hooks: WorkerHooks = {}): void {
    if (hooks.signal !== this.#hooks.signal) this.#endBy(hooks.signal);
    this.#hooks = hooks;
    this.#done = pending();
    if (this.#failure !== undefined) this.#done.reject(this.#failure.error);
    this.#send(task);
  }

  #endBy(signal: AbortSignal | undefined): void {
    const abort = (): void => {
      this.#fail(signal?.reason ?? new PodError("Unavailable", "the import was cancelled"));
      this.#kill();
    };
    if (signal?.aborted === true) abort();
    signal?.addEventListener("abort", abort, { once: true });
    void this.exited.then(() => signal?.removeEventListener("abort", abort));
  }

  note(note: Note): void {
    this.#send(note);
  }

  /** Ends it whatever it does, and waits until it is gone. */
  async stop(): Promise<void> {
    this.#kill();
    await this.exited;
  }

  /** One that was not born has no pid; Node would signal whatever number its memory holds, 0 among them. */
  #kill(): void {
    if (this.#child.pid !== undefined) this.#child.kill("SIGKILL");
  }

  #send(message: Task | Note): void {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
  }
}

/** A promise that callers need not wait for. */
function pending<T>(): PromiseWithResolvers<T> {
  const it = Promise.withResolvers<T>();
  it.promise.catch(() => undefined);
  return it;
}

/** Says what the machine has too few of: the sentence goes to whoever loads an image. */
function startError(cause: NodeJS.ErrnoException): PodError {
  const { code = "" } = cause;
  const kind = errnoKind(code) === "ResourceExhausted" ? "ResourceExhausted" : "Internal";
  const why = `${code} (${errnoMeaning(code) || cause.message})`;
  return new PodError(kind, `cannot start the image helper: ${why}`, { cause });
}

/** Runs a helper to its end. @throws PodError with its sentence. */
export async function runWorker(task: Task): Promise<void> {
  const worker = new Worker();
  try {
    worker.begin(task);
    await worker.done;
  } finally {
    await worker.stop();
  }
}

function pipeInto(content: Readable, sink: unknown, fail: (error: unknown) => void): void {
  if (!(sink instanceof Writable)) {
    fail(new PodError("Internal", "The image helper has no input"));
    return;
  }
  // EPIPE: the helper ended before it had read everything; it says why.
  sink.on("error", () => content.unpipe(sink).resume());
  content.on("error", (cause) => {
    fail(new PodError("Unavailable", `the archive could not be read: ${cause.message}`, { cause }));
    sink.destroy();
  });
  content.on("close", () => {
    if (content.readableEnded) return;
    fail(new PodError("Unavailable", "the archive could not be read: the connection ended early"));
    sink.destroy();
  });
  content.pipe(sink);
}

/** Nothing of ours but where V8 keeps compiled code, which saves 0.1 s per helper, and the fail points of a test. */
function helperEnvironment(): NodeJS.ProcessEnv {
  const passed = ["NODE_COMPILE_CACHE", failpointVariable].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return { NODE_NO_WARNINGS: "1", ...Object.fromEntries(passed) };
}

function workerPath(): string {
  const here = import.meta.dirname;
  const bundled = join(here, "image-worker.cjs");
  return existsSync(bundled) ? bundled : join(here, "worker.ts");
}
