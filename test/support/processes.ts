// Looking for processes on the host by what stands in their command line, and at what they take.
import { readdirSync, readFileSync } from "node:fs";

/** Pids of the processes whose command line contains every one of the words. */
export function pidsWith(...words: readonly string[]): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const line = readFileSync(`/proc/${name}/cmdline`, "latin1");
        return words.every((word) => line.includes(word));
      } catch {
        // ENOENT, ESRCH: it ended while we looked.
        return false;
      }
    })
    .map(Number);
}

/** What a process has in memory, in KiB. */
export function residentKiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? "0");
}

/** Number of its descriptors. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
