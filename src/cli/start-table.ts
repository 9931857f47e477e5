/** The table of `nspod run --timings`. Pure. */
import type { StartStep } from "../pod/start-timings.ts";
import { formatTable } from "./table.ts";

/** Milliseconds of each step and since the request came in. */
export function startTable(pod: string, steps: readonly StartStep[]): string {
  if (steps.length === 0) return `pod/${pod}: this daemon did not start it, so it has no timings`;
  const rows = steps.map(({ step, atMs }, index) => {
    const before = steps[index - 1]?.atMs ?? 0;
    return [step, (atMs - before).toFixed(1), atMs.toFixed(1)];
  });
  return formatTable([[`STEP OF pod/${pod}`, "MS", "TOTAL"], ...rows]);
}
