/** Rows of `top` and `stats` from what the daemon measured. "-" is what this host cannot measure. Pure. */
import type { PodUsage, Usage } from "../pod/pod-meter.ts";
import { formatBytes } from "./byte-size.ts";

export type SortKey = "cpu" | "memory";

export interface TopOptions {
  readonly allNamespaces?: boolean;
  readonly containers?: boolean;
  readonly sortBy?: SortKey;
  readonly headers?: boolean;
  /** A last row with the sum. */
  readonly sum?: boolean;
}

/** `250m`, rounded up so that something never looks like nothing. */
export function cpuCell(millis: number | undefined): string {
  return millis === undefined ? "-" : `${Math.ceil(millis)}m`;
}

export function memoryCell(bytes: number | undefined): string {
  return bytes === undefined ? "-" : `${Math.ceil(bytes / (1 << 20))}Mi`;
}

export function topRows(
  pods: readonly PodUsage[],
  options: TopOptions,
): readonly (readonly string[])[] {
  const {
    allNamespaces = false,
    containers = false,
    sortBy,
    headers = true,
    sum = false,
  } = options;
  const rows = pods.flatMap((pod) =>
    containers
      ? pod.containers.map((usage) => ({ cells: [pod.name, usage.name], pod, usage }))
      : [{ cells: [pod.name], pod, usage: pod.total as Usage }],
  );
  const sorted = rows.sort(
    (a, b) =>
      (sortBy === undefined ? 0 : amount(b.usage, sortBy) - amount(a.usage, sortBy)) ||
      a.pod.namespace.localeCompare(b.pod.namespace) ||
      a.pod.name.localeCompare(b.pod.name),
  );
  const heading = [
    ...(allNamespaces ? ["NAMESPACE"] : []),
    ...(containers ? ["POD", "NAME"] : ["NAME"]),
    "CPU(cores)",
    "MEMORY(bytes)",
  ];
  const lines = sorted.map(({ cells, pod, usage }) => [
    ...(allNamespaces ? [pod.namespace] : []),
    ...cells,
    cpuCell(usage.cpuMillis),
    memoryCell(usage.memory?.workingSetBytes),
  ]);
  const empty = heading.slice(0, -2).map(() => "");
  const total = [
    ...empty,
    cpuCell(sumOf(rows.map(({ usage }) => usage.cpuMillis))),
    memoryCell(sumOf(rows.map(({ usage }) => usage.memory?.workingSetBytes))),
  ];
  return [...(headers ? [heading] : []), ...lines, ...(sum ? [total] : [])];
}

function amount(usage: Usage, key: SortKey): number {
  return (key === "cpu" ? usage.cpuMillis : usage.memory?.workingSetBytes) ?? -1;
}

/** Of those that are known; unknown when none is. */
function sumOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : known.reduce((sum, value) => sum + value, 0);
}

/** One row per container, with network of the pod in its first. */
export function statsRows(pods: readonly PodUsage[]): readonly (readonly string[])[] {
  return [
    [
      "POD",
      "CONTAINER",
      "CPU %",
      "MEM USAGE / LIMIT",
      "MEM %",
      "PEAK",
      "NET I/O",
      "BLOCK I/O",
      "PIDS",
    ],
    ...pods.flatMap((pod) =>
      pod.containers.map((container, index) => {
        const { cpuMillis, memory, io, pids } = container;
        const limit = memory?.limitBytes;
        return [
          pod.name,
          container.name,
          cpuMillis === undefined ? "-" : `${(cpuMillis / 10).toFixed(2)}%`,
          memory === undefined
            ? "-"
            : `${formatBytes(memory.workingSetBytes)} / ${limit === undefined ? "-" : formatBytes(limit)}`,
          memory === undefined || limit === undefined
            ? "-"
            : `${((100 * memory.workingSetBytes) / limit).toFixed(2)}%`,
          memory?.peakBytes === undefined ? "-" : formatBytes(memory.peakBytes),
          index > 0 ? "" : pair(pod.network?.receivedBytes, pod.network?.sentBytes),
          pair(io?.readBytes, io?.writeBytes),
          pids === undefined ? "-" : String(pids),
        ];
      }),
    ),
  ];
}

function pair(first: number | undefined, second: number | undefined): string {
  return first === undefined || second === undefined
    ? "-"
    : `${formatBytes(first)} / ${formatBytes(second)}`;
}
