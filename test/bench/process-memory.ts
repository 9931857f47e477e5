// Memory and CPU time of processes as the kernel counts them. Source: proc_pid_smaps(5), proc_pid_stat(5),
// sched-stats.rst.
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessMemory {
  readonly pid: number;
  /** Name of the program, 15 bytes of it. */
  readonly command: string;
  /** Its own pages and its share of those that others have, too. */
  readonly pssKib: number;
}

/** The process and all its descendants; kernel threads and what has ended have no memory and are left out. */
export function processesBelow(pid: number): readonly ProcessMemory[] {
  return withDescendants(pid).flatMap((each) => {
    const memory = memoryOf(each);
    return memory === undefined ? [] : [memory];
  });
}

/** undefined when it has ended. */
export function memoryOf(pid: number): ProcessMemory | undefined {
  const pss = /^Pss:\s+(\d+) kB/m.exec(readIfThere(`/proc/${pid}/smaps_rollup`))?.[1];
  if (pss === undefined) return undefined;
  return { pid, command: readIfThere(`/proc/${pid}/comm`).trim(), pssKib: Number(pss) };
}

export function sumKib(processes: readonly ProcessMemory[]): number {
  return processes.reduce((sum, { pssKib }) => sum + pssKib, 0);
}

/** The same of processes by pid, KiB. */
export function sumOf(pids: readonly number[]): number {
  return sumKib(pids.flatMap((pid) => memoryOf(pid) ?? []));
}

/** Time that all threads of the processes have been on a CPU, in ms. */
export function cpuMs(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const thread of entries(`/proc/${pid}/task`)) {
      const text = readIfThere(`/proc/${pid}/task/${thread}/schedstat`);
      nanoseconds += Number(text.split(" ")[0] || 0);
    }
  }
  return nanoseconds / 1e6;
}

export function withDescendants(pid: number): number[] {
  const children = entries(`/proc/${pid}/task`).flatMap((thread) =>
    readIfThere(`/proc/${pid}/task/${thread}/children`).split(" ").filter(Boolean),
  );
  return [pid, ...children.flatMap((child) => withDescendants(Number(child)))];
}

function entries(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // The process has ended.
    return [];
  }
}

/** "" for a process that has ended meanwhile. */
function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
