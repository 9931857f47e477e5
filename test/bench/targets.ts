// What is promised, as data, and whether it was kept. Figures of machines differ, so most promises are ratios to
// something measured in the same run.
import { type RowId, rows, type Series } from "./rows.ts";
import { median } from "./statistics.ts";

export interface Target {
  readonly row: RowId;
  /** Of what `limit` is a multiple: a contestant of the row, or nspod's own value in another row; absent: of 1. */
  readonly of?: { readonly who: string } | { readonly row: RowId };
  /** At most so much where less is better, at least so much where more is. */
  readonly limit: number;
  /** Added to it. */
  readonly plus?: number;
}

export const targets: readonly Target[] = [
  { row: "start", of: { who: "kernel" }, limit: 2 },
  { row: "up", of: { who: "podman" }, limit: 1 / 4 },
  { row: "up", of: { who: "node" }, limit: 1, plus: 25 },
  { row: "down-socket", limit: 15 },
  { row: "exec-socket", of: { who: "crun" }, limit: 1 },
  { row: "exec", of: { who: "podman" }, limit: 1 / 2 },
  { row: "get", of: { who: "node" }, limit: 1, plus: 20 },
  { row: "rate-1", limit: 100 },
  { row: "rate-4", limit: 150 },
  { row: "start-at-1000", of: { row: "start-at-1" }, limit: 1.5 },
  { row: "memory-pod", limit: 300 },
  { row: "memory-daemon", limit: 70 },
  { row: "memory-growth", limit: 60 },
  { row: "idle-cpu", limit: 0.5 },
  { row: "import-big", of: { who: "podman" }, limit: 1 / 3 },
  { row: "import-big", of: { who: "skopeo" }, limit: 1 / 3 },
  { row: "import-big", of: { who: "igzip + tar" }, limit: 1.5 },
  { row: "import-plain", of: { who: "GNU tar" }, limit: 1.5 },
  { row: "import-memory", limit: 200 },
  { row: "log-write", of: { who: "conmon" }, limit: 2 },
  { row: "log-read", limit: 200 },
  { row: "list-objects", limit: 100 },
  { row: "watch-objects", limit: 10 },
];

export interface Verdict {
  readonly target: Target;
  /** Medians, in the unit of the row; undefined when it was not measured. */
  readonly value: number | undefined;
  /** What the value had to reach or stay below. */
  readonly bound: number | undefined;
  /** undefined when either is. */
  readonly isMet: boolean | undefined;
}

export function judge(target: Target, series: readonly Series[]): Verdict {
  const { row, of, limit, plus = 0 } = target;
  const medianOf = (id: RowId, who: string): number | undefined => {
    const found = series.find((each) => each.row === id && each.who === who)?.values ?? [];
    return found.length === 0 ? undefined : median(found);
  };
  const value = medianOf(row, "nspod");
  let base: number | undefined = 1;
  if (of !== undefined) base = "who" in of ? medianOf(row, of.who) : medianOf(of.row, "nspod");
  const bound = base === undefined ? undefined : limit * base + plus;
  if (value === undefined || bound === undefined) return { target, value, bound, isMet: undefined };
  const isMet = rows[row].better === "less" ? value <= bound : value >= bound;
  return { target, value, bound, isMet };
}
