// What is measured: one row of the table each. Units are those of the values; a measure fills the row by its id.

export interface Row {
  readonly title: string;
  readonly unit: "ms" | "MiB" | "KiB" | "MB/s" | "pods/s" | "%";
  readonly better: "less" | "more";
}

export type RowId =
  | "import-small"
  | "import-big"
  | "import-plain"
  | "import-memory"
  | "start"
  | "up"
  | "down-socket"
  | "down"
  | "exec-socket"
  | "exec"
  | "get"
  | "rate-1"
  | "rate-4"
  | "start-at-1"
  | "start-at-100"
  | "start-at-500"
  | "start-at-1000"
  | "memory-pod"
  | "memory-daemon"
  | "memory-growth"
  | "idle-cpu"
  | "log-write"
  | "log-read"
  | "list-objects"
  | "watch-objects";

export const rows: Readonly<Record<RowId, Row>> = {
  "import-small": { title: "import an image of 1 MB", unit: "ms", better: "less" },
  "import-big": { title: "import 500 MB, 20,000 files, 4 layers", unit: "ms", better: "less" },
  "import-plain": { title: "import the same, layers not packed", unit: "ms", better: "less" },
  "import-memory": { title: "memory of that import, all processes", unit: "MiB", better: "less" },
  start: { title: "request received → container executed", unit: "ms", better: "less" },
  up: { title: "command: pod up", unit: "ms", better: "less" },
  "down-socket": { title: "pod down, until nothing is left", unit: "ms", better: "less" },
  down: { title: "command: pod down", unit: "ms", better: "less" },
  "exec-socket": { title: "exec of true, no command line of ours", unit: "ms", better: "less" },
  exec: { title: "command: exec of true", unit: "ms", better: "less" },
  get: { title: "command: list pods", unit: "ms", better: "less" },
  "rate-1": { title: "pods one by one", unit: "pods/s", better: "more" },
  "rate-4": { title: "pods, 4 at a time", unit: "pods/s", better: "more" },
  "start-at-1": { title: "start of pod 1", unit: "ms", better: "less" },
  "start-at-100": { title: "start of pod 100", unit: "ms", better: "less" },
  "start-at-500": { title: "start of pod 500", unit: "ms", better: "less" },
  "start-at-1000": { title: "start of pod 1,000", unit: "ms", better: "less" },
  "memory-pod": { title: "memory per idle pod, helpers", unit: "KiB", better: "less" },
  "memory-daemon": { title: "memory of daemons with 100 pods", unit: "MiB", better: "less" },
  "memory-growth": { title: "growth of the daemon per pod", unit: "KiB", better: "less" },
  "idle-cpu": { title: "CPU of one core with 100 idle pods", unit: "%", better: "less" },
  "log-write": { title: "container → log file", unit: "MB/s", better: "more" },
  "log-read": { title: "logs -f", unit: "MB/s", better: "more" },
  "list-objects": { title: "list 5,000 ConfigMaps", unit: "ms", better: "less" },
  "watch-objects": { title: "change among 5,000 → watch event", unit: "ms", better: "less" },
};

/** All values of one contestant in one row. */
export interface Series {
  readonly row: RowId;
  /** "nspod", a peer, or what a floor is called: "kernel", "node", "igzip + tar", "GNU tar". */
  readonly who: string;
  readonly values: readonly number[];
}

/** Why a contestant has no values. */
export interface Absence {
  /** Every row when there is none. */
  readonly row?: RowId;
  readonly who: string;
  readonly reason: string;
}

/** What a measure gives back. */
export interface Findings {
  readonly series: readonly Series[];
  readonly absences: readonly Absence[];
  /** More lines for people who read along: steps of a start. */
  readonly remarks?: readonly string[];
}
