/**
 * What a cgroup uses, read when somebody asks. A file of a controller that this host does not have is missing: what
 * it would say is undefined then, never 0.
 * Source: kernel Documentation/admin-guide/cgroup-v2.rst.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../base/errors.ts";
import { readProc } from "../sys/procfs.ts";

export interface MemoryUsage {
  readonly currentBytes: number;
  /** Without file cache that can be dropped at once: what limits and eviction go by. */
  readonly workingSetBytes: number;
  readonly peakBytes?: number;
  /** Absent: no limit. */
  readonly limitBytes?: number;
}

export interface CgroupUsage {
  /** Cpu time since the cgroup was made. */
  readonly cpuMicroseconds?: number;
  readonly memory?: MemoryUsage;
  /** Threads. */
  readonly pids?: number;
  readonly io?: { readonly readBytes: number; readonly writeBytes: number };
}

/** undefined when the cgroup is gone. */
export function readUsage(directory: string): CgroupUsage | undefined {
  const cpu = fieldsOf(readProc(join(directory, "cpu.stat")) ?? "");
  const micros = cpu.get("usage_usec");
  const pids = readNumber(directory, "pids.current") ?? countThreads(directory);
  if (pids === undefined) return undefined;
  const memory = readMemory(directory);
  const io = readProc(join(directory, "io.stat"));
  return {
    pids,
    ...(micros === undefined ? {} : { cpuMicroseconds: micros }),
    ...(memory === undefined ? {} : { memory }),
    ...(io === undefined ? {} : { io: parseIo(io) }),
  };
}

function readMemory(directory: string): MemoryUsage | undefined {
  const currentBytes = readNumber(directory, "memory.current");
  if (currentBytes === undefined) return undefined;
  const inactive = fieldsOf(readProc(join(directory, "memory.stat")) ?? "").get("inactive_file");
  const peakBytes = readMemoryPeak(directory);
  const limitBytes = readNumber(directory, "memory.max");
  return {
    currentBytes,
    workingSetBytes: workingSet(currentBytes, inactive ?? 0),
    ...(peakBytes === undefined ? {} : { peakBytes }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
  };
}

/**
 * The most that a cgroup has used since it was made, in bytes; undefined where the kernel does not tell.
 * Source: cgroup-v2.rst "memory.peak", Linux 5.19.
 */
export function readMemoryPeak(directory: string): number | undefined {
  return readNumber(directory, "memory.peak");
}

/** As the kubelet: the two numbers are not of one moment, so the difference may be below 0. */
export function workingSet(currentBytes: number, inactiveFileBytes: number): number {
  return Math.max(0, currentBytes - inactiveFileBytes);
}

/** "name value" lines. */
export function fieldsOf(text: string): ReadonlyMap<string, number> {
  return new Map(
    text.split("\n").flatMap((line) => {
      const [name = "", value = ""] = line.split(" ");
      return /^\d+$/.test(value) ? [[name, Number(value)] as const] : [];
    }),
  );
}

/** Sum over all devices of "8:0 rbytes=1 wbytes=2 rios=3 …". */
export function parseIo(text: string): { readonly readBytes: number; readonly writeBytes: number } {
  const sum = (key: string): number =>
    [...text.matchAll(new RegExp(`\\b${key}=(\\d+)`, "g"))].reduce(
      (total, [, value]) => total + Number(value),
      0,
    );
  return { readBytes: sum("rbytes"), writeBytes: sum("wbytes") };
}

/** undefined when the file is missing or says "max". */
function readNumber(directory: string, file: string): number | undefined {
  const text = readProc(join(directory, file))?.trim() ?? "";
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Without the pids controller: the threads of this cgroup and those below it. */
function countThreads(directory: string): number | undefined {
  const text = readProc(join(directory, "cgroup.threads"));
  if (text === undefined) return undefined;
  const own = text.split("\n").filter(Boolean).length;
  return childrenOf(directory).reduce((sum, child) => sum + (countThreads(child) ?? 0), own);
}

function childrenOf(directory: string): readonly string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(directory, name));
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENODEV")) return [];
    throw error;
  }
}
