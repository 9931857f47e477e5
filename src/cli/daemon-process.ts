/**
 * How a command becomes or starts the daemon: the same program, flags of V8 and environment for both, with nothing of the
 * caller's environment that could load code into it.
 *
 *   becomeDaemon   the process of the command is the daemon's from now on
 *   startDaemon    detached, its output in <run>/daemon.log. It inherits a pipe as fd 3 and writes one line there:
 *                  "ready", or {"error": "…"} when it cannot start
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { invariant } from "../base/assert.ts";
import { PodError } from "../base/errors.ts";
import type { Instance } from "../base/instance.ts";
import { readLines } from "./json-lines.ts";

/** A log of an earlier daemon is kept until it is this large. */
const logLimitBytes = 1 << 20;

/** Ends a hang only: a daemon that ends closes its pipe. A busy machine that is emulated, too, needs 40 s. */
const startLimitMs = 120_000;

/** Variables that make Node.js or the dynamic linker load code or trust others. */
const unwanted = [
  "NODE_OPTIONS",
  "NODE_PATH",
  "NODE_EXTRA_CA_CERTS",
  "LD_PRELOAD",
  "LD_LIBRARY_PATH",
];

/** The daemon's program: beside the bundle, or the source when the sources run as they are. */
export function daemonEntry(): string {
  const bundled = join(import.meta.dirname, "daemon.cjs");
  return existsSync(bundled) ? bundled : join(import.meta.dirname, "../daemon/main.ts");
}

/**
 * For V8. Small young generations, and what is not used any more goes a second after the work instead of eight: a
 * daemon is there all the time and is idle for nearly all of it (decision 0212).
 */
const smallHeap = ["--max-semi-space-size=2", "--gc-memory-reducer-start-delay-ms=1000"];

/**
 * The command line of a daemon, without the program that runs it.
 * @param words - what it is told: `instanceFlags` and options of its own
 */
export function daemonArguments(words: readonly string[]): readonly string[] {
  return [
    // Node.js opens a debugger on SIGUSR1 otherwise, for whoever may signal the daemon.
    "--disable-sigusr1",
    ...smallHeap,
    "--disable-warning=ExperimentalWarning",
    daemonEntry(),
    ...words,
  ];
}

/**
 * Replaces this process by the daemon, in the foreground: it keeps the process id, which systemd waits for, and the
 * standard streams, and nothing of the command's heap.
 * @param words - as `daemonArguments` has them
 */
export function becomeDaemon(words: readonly string[]): never {
  invariant(process.execve, "Node.js has it on Linux");
  return process.execve(
    process.execPath,
    [process.execPath, ...daemonArguments(words)],
    daemonEnvironment(process.env),
  );
}

/** The flags that select an instance. */
export function instanceFlags(instance: Instance): readonly string[] {
  return [
    ...["--root", instance.root],
    ...["--run", instance.run],
    ...["--bridge", instance.bridge],
    ...["--subnet", instance.subnet],
    ...["--service-subnet", instance.serviceSubnet],
    ...["--cgroup", instance.cgroup],
  ];
}

/**
 * An environment for the daemon. Node.js keeps the compiled bundle for it; commands do without, because it would be one
 * more folder to look into, and have a cache of their own (start.ts).
 */
export function daemonEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const kept = Object.entries(env).filter(([name]) => !unwanted.includes(name));
  // Of the bundle; only root can write it.
  const cache = join(import.meta.dirname, "cache");
  return {
    ...Object.fromEntries(kept),
    ...(existsSync(cache) && { NODE_COMPILE_CACHE: cache }),
  };
}

/**
 * Starts a daemon and waits until it listens. When another one starts at the same moment, the
 * daemons agree by a lock and either line means that one listens.
 * @throws PodError Unavailable with the daemon's own words.
 */
export async function startDaemon(instance: Instance): Promise<void> {
  mkdirSync(instance.run, { recursive: true, mode: 0o711 });
  const logPath = join(instance.run, "daemon.log");
  const isLong = (statSync(logPath, { throwIfNoEntry: false })?.size ?? 0) > logLimitBytes;
  const log = openSync(logPath, isLong ? "w" : "a", 0o600);
  let child: ChildProcess;
  try {
    child = spawn(process.execPath, daemonArguments([...instanceFlags(instance), "--on-demand"]), {
      detached: true,
      cwd: "/",
      stdio: ["ignore", log, log, "pipe"],
      env: daemonEnvironment(process.env),
    });
  } finally {
    closeSync(log);
  }
  const answer = await firstLine(child);
  child.unref();
  if (answer === "ready") return;
  throw new PodError("Unavailable", `Cannot start the daemon: ${whyNot(answer, logPath)}`);
}

async function firstLine(child: ChildProcess): Promise<string> {
  const pipe = child.stdio[3] as Readable;
  const failed = new Promise<never>((_, reject) => {
    child.once("error", (cause) => {
      reject(new PodError("Unavailable", `Cannot start the daemon: ${cause.message}`, { cause }));
    });
  });
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const message = `Cannot start the daemon: it is not ready after ${startLimitMs / 1000} s`;
    reject(new PodError("DeadlineExceeded", message));
  }, startLimitMs);
  try {
    return await Promise.race([readFirst(pipe), failed, late]);
  } finally {
    clearTimeout(timer);
    pipe.destroy();
  }
}

async function readFirst(pipe: Readable): Promise<string> {
  for await (const line of readLines(pipe)) return line;
  return "";
}

function whyNot(answer: string, logPath: string): string {
  if (answer === "") return `it ended before it was ready: see "${logPath}"`;
  try {
    const { error } = JSON.parse(answer) as { readonly error?: unknown };
    return typeof error === "string" ? error : answer;
  } catch {
    // The daemon's line is not JSON: show it as it is.
    return answer;
  }
}
