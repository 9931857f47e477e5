// A machine with few process ids, or none, and who gets signals there. Of the whole machine: only in a guest.
// Source: kernel/pid.c, alloc_pid(): ids go up to pid_max and begin again at 300; the smallest pid_max is 301.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { mustRun } from "./run-command.ts";

const pidMax = "/proc/sys/kernel/pid_max";
/** The id that was given last; the next is above it. Source: pid_namespaces(7). */
const lastPid = "/proc/sys/kernel/ns_last_pid";
/** Where ids begin again. */
const firstId = 300;

/** For the time of `body` ids are below `limit`, a number above 300. */
export async function withFewPids<T>(limit: number, body: () => Promise<T>): Promise<T> {
  const usual = readFileSync(pidMax, "utf8");
  writeFileSync(pidMax, String(limit));
  try {
    return await body();
  } finally {
    writeFileSync(pidMax, usual);
  }
}

/** For the time of `body` there is one id, and a process of ours has it. */
export async function withoutPids<T>(body: () => Promise<T>): Promise<T> {
  return await withFewPids(firstFreeId() + 1, async () => {
    // A machine that has not given 300 ids yet goes on with smaller ones, and has those of all that ended.
    writeFileSync(lastPid, String(firstId));
    const holder = await eventually("the last id", 20_000, sleeping);
    try {
      const another = await sleeping();
      another?.kill("SIGKILL");
      if (another !== undefined) throw new Error(`Id ${another.pid} was left`);
      return await body();
    } finally {
      holder.kill("SIGKILL");
      await once(holder, "exit");
    }
  });
}

/** The smallest that comes again and that no process or thread has. */
function firstFreeId(): number {
  let id = firstId;
  while (existsSync(`/proc/${id}`)) id++;
  return id;
}

/** @returns undefined when there is no id for it. */
async function sleeping(): Promise<ChildProcess | undefined> {
  const child = spawn("sleep", ["1000"], { stdio: "ignore" });
  try {
    await once(child, "spawn");
    return child;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN") return undefined;
    throw error;
  }
}

/** How often all ids have been given, by a count of `forks()` from then to now. */
export function turns(limit: number, forksBefore: number): number {
  return (forks() - forksBefore) / (limit - firstId);
}

/** Processes and threads that this machine has started. */
export function forks(): number {
  return Number(/^processes (\d+)$/m.exec(readFileSync("/proc/stat", "utf8"))?.[1]);
}

/**
 * The signals but SIGCHLD to processes of one name, by the kernel's own account (tracepoint signal_generate).
 * @returns what `body` returns, and a line for each signal: "signal of who sent it".
 */
export async function withTracedSignals(
  name: string,
  body: () => Promise<void>,
): Promise<string[]> {
  const tracing = "/sys/kernel/tracing";
  await mustRun("mount", ["-t", "tracefs", "tracefs", tracing]);
  const folder = join(tracing, `instances/nspod-${process.pid}`);
  try {
    mkdirSync(folder);
    try {
      const event = join(folder, "events/signal/signal_generate");
      writeFileSync(join(event, "filter"), `comm == "${name}" && sig != 17`);
      writeFileSync(join(event, "enable"), "1");
      await body();
      const text = readFileSync(join(folder, "trace"), "utf8");
      return [...text.matchAll(/^ *(.+)-\d+ .* signal_generate: sig=(\d+) /gm)].map(
        ([, sender, signal]) => `${signal} of ${sender}`,
      );
    } finally {
      rmdirSync(folder);
    }
  } finally {
    await mustRun("umount", [tracing]);
  }
}
