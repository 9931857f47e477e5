/**
 * Decoders of the /proc files that nspod reads. Pure: text in, data out; they never throw, because
 * a process may end while its files are read, and a short text gives undefined or an empty answer.
 *
 * Source: proc(5) and its pages proc_pid_stat(5), proc_pid_status(5), proc_pid_cgroup(5),
 * proc_meminfo(5), proc_filesystems(5).
 */
import { readFileSync } from "node:fs";
import { hasCode } from "../base/errors.ts";

export interface ProcessStat {
  readonly pid: number;
  /** Name of the executable, at most 15 bytes, chosen by the process: hostile. */
  readonly command: string;
  /** R running, S sleeping, D uninterruptible, Z zombie, T stopped, … */
  readonly state: string;
  readonly parentPid: number;
  readonly processGroup: number;
  readonly session: number;
  /** Clock ticks since boot at which the process started: with the pid it names a process for good. */
  readonly startTicks: number;
}

export interface ProcessStatus {
  readonly name: string;
  /** Real, effective, saved and file system uid. */
  readonly uids: readonly number[];
  readonly gids: readonly number[];
  readonly groups: readonly number[];
  /** The process's pid in each PID namespace, outermost first. */
  readonly namespacePids: readonly number[];
  readonly capabilities: CapabilitySets;
  readonly noNewPrivs: boolean;
  /** 0 off, 1 strict, 2 filter. */
  readonly seccomp: number;
  readonly residentBytes: number;
}

/** Bit n stands for the capability number n. */
export interface CapabilitySets {
  readonly inheritable: bigint;
  readonly permitted: bigint;
  readonly effective: bigint;
  readonly bounding: bigint;
  readonly ambient: bigint;
}

export interface CgroupMembership {
  /** 0 for cgroup v2. */
  readonly hierarchy: number;
  /** Controllers of a v1 hierarchy; empty for v2. */
  readonly controllers: readonly string[];
  readonly path: string;
}

export interface MemoryInfo {
  readonly totalBytes: number;
  readonly availableBytes: number;
  readonly swapTotalBytes: number;
}

/** The text of a /proc or /sys file; undefined when it, or the process, is not there (any more). */
export function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // ESRCH and EINVAL: the process ended between open and read.
    if (hasCode(error, "ENOENT", "ESRCH", "EINVAL", "EACCES", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Decodes /proc/PID/stat. The command may hold spaces, parentheses and newlines. */
export function parseStat(text: string): ProcessStat | undefined {
  const open = text.indexOf("(");
  const close = text.lastIndexOf(")");
  if (open < 1 || close < open) return undefined;
  const fields = text.slice(close + 2).split(" ");
  const [state = "", parentPid, processGroup, session] = fields;
  const stat = {
    pid: Number(text.slice(0, open)),
    command: text.slice(open + 1, close),
    state,
    parentPid: Number(parentPid),
    processGroup: Number(processGroup),
    session: Number(session),
    // Field 22 of the file; the list here starts with field 3.
    startTicks: Number(fields[19]),
  };
  const numbers = [stat.pid, stat.parentPid, stat.processGroup, stat.session, stat.startTicks];
  return numbers.every(Number.isInteger) && /^[A-Za-z]$/.test(state) ? stat : undefined;
}

/** Decodes /proc/PID/status. Fields that an older kernel lacks are empty, 0 or false. */
export function parseStatus(text: string): ProcessStatus | undefined {
  const fields = keyValues(text);
  const name = fields.get("Name");
  if (name === undefined) return undefined;
  const numbers = (key: string): readonly number[] =>
    (fields.get(key) ?? "").split(/\s+/).filter(Boolean).map(Number);
  const mask = (key: string): bigint => {
    const digits = fields.get(key) ?? "";
    return /^[0-9a-f]+$/.test(digits) ? BigInt(`0x${digits}`) : 0n;
  };
  return {
    name,
    uids: numbers("Uid"),
    gids: numbers("Gid"),
    groups: numbers("Groups"),
    namespacePids: numbers("NSpid"),
    capabilities: {
      inheritable: mask("CapInh"),
      permitted: mask("CapPrm"),
      effective: mask("CapEff"),
      bounding: mask("CapBnd"),
      ambient: mask("CapAmb"),
    },
    noNewPrivs: fields.get("NoNewPrivs") === "1",
    seccomp: numbers("Seccomp")[0] ?? 0,
    residentBytes: kibibytes(fields.get("VmRSS")),
  };
}

/** Whether capability `number` is in a set. */
export function hasCapability(set: bigint, number: number): boolean {
  return ((set >> BigInt(number)) & 1n) === 1n;
}

/** Decodes /proc/PID/cgroup. */
export function parseCgroup(text: string): readonly CgroupMembership[] {
  return text.split("\n").flatMap((line) => {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) return [];
    const [, hierarchy, controllers = "", path = ""] = match;
    return [
      {
        hierarchy: Number(hierarchy),
        controllers: controllers.split(",").filter(Boolean),
        path,
      },
    ];
  });
}

/** Decodes /proc/meminfo. */
export function parseMeminfo(text: string): MemoryInfo {
  const fields = keyValues(text);
  return {
    totalBytes: kibibytes(fields.get("MemTotal")),
    availableBytes: kibibytes(fields.get("MemAvailable")),
    swapTotalBytes: kibibytes(fields.get("SwapTotal")),
  };
}

/** Names of the file systems that the kernel knows now; modules not yet loaded are missing. */
export function parseFilesystems(text: string): ReadonlySet<string> {
  return new Set(
    text
      .split("\n")
      .map((line) => line.slice(line.indexOf("\t") + 1).trim())
      .filter(Boolean),
  );
}

function keyValues(text: string): ReadonlyMap<string, string> {
  const pairs = new Map<string, string>();
  for (const line of text.split("\n")) {
    const colon = line.indexOf(":");
    if (colon > 0) pairs.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return pairs;
}

/** "123 kB" → 125952; kB means 1024 bytes in /proc. */
function kibibytes(text: string | undefined): number {
  const amount = Number.parseInt(text ?? "", 10);
  return Number.isNaN(amount) ? 0 : amount * 1024;
}
