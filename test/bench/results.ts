// What a run found, with the machine and the versions that it is true for.
import { cpus, release, totalmem } from "node:os";
import type { Absence, Series } from "./rows.ts";

export interface Results {
  /** 2026-01-31 */
  readonly date: string;
  readonly machine: Machine;
  /** Of every contestant, e.g. podman → 4.3.1. */
  readonly versions: Readonly<Record<string, string>>;
  readonly series: readonly Series[];
  readonly absences: readonly Absence[];
}

export interface Machine {
  readonly cpus: number;
  readonly model: string;
  readonly memoryGib: number;
  readonly kernel: string;
}

export function thisMachine(): Machine {
  const all = cpus();
  return {
    cpus: all.length,
    model: all[0]?.model.trim() ?? "unknown CPU",
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
  };
}

/** The first word of the first line that looks like a version. */
export function versionIn(text: string): string {
  return /\d+\.\d[\w.~+-]*/.exec(text)?.[0] ?? text.split("\n")[0] ?? "";
}
