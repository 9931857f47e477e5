// Looking for processes on the host by what stands in their command line.
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
