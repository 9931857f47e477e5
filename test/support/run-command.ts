// Runs a program and collects what it says; the way tests call nspod and the tools of the system.
// Invariant: never hangs. The process group is killed when the time is over, and output that a
// background child holds open is not waited for.
import { spawn } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { patient } from "./patience.ts";

/** What a finished program left. */
export interface CommandResult {
  readonly stdout: string;
  readonly stderr: string;
  /** Exit status, or 128 + signal number like a shell. */
  readonly code: number;
}

/** How to run it. */
export interface CommandOptions {
  /** Written to stdin; without it stdin is empty. */
  readonly input?: string | Uint8Array;
  /** Default 30000. */
  readonly timeoutMs?: number;
  /** Added to (or, with undefined, taken from) this process's environment. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
}

/**
 * Runs `file` with `args`; a non-zero status is a result, not an error.
 * @throws Error when the program cannot be started or is still running after `timeoutMs`.
 */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const timeoutMs = patient(options.timeoutMs ?? 30_000);
  const child = spawn(file, args, {
    cwd: options.cwd,
    detached: true,
    env: { ...process.env, ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
  // EPIPE: a program may end without reading its input.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input ?? "");
  let overdue = false;
  const timer = setTimeout(() => {
    overdue = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, timeoutMs);
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  const exited = Promise.withResolvers<number>();
  child.on("error", exited.reject).on("exit", (code, signal) => {
    exited.resolve(code ?? 128 + signalNumber(signal));
  });
  try {
    const code = await exited.promise;
    await Promise.race([closed, sleep(500, undefined, { ref: false })]);
    const [stdout, stderr] = [text(out), text(err)];
    if (overdue) {
      const words = [file, ...args].join(" ");
      throw new Error(`"${words}" took longer than ${timeoutMs} ms; it said: ${stdout}${stderr}`);
    }
    return { stdout, stderr, code };
  } finally {
    clearTimeout(timer);
    child.stdout.destroy();
    child.stderr.destroy();
  }
}

/**
 * Runs a program that must succeed.
 * @returns its stdout. @throws Error with what it said.
 */
export async function mustRun(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(file, args, options);
  if (code === 0) return stdout;
  throw new Error(`"${[file, ...args].join(" ")}" ended with ${code}: ${stderr}${stdout}`);
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString("utf8");
}

function signalNumber(signal: NodeJS.Signals | null): number {
  return signal === null ? 0 : constants.signals[signal];
}
