/**
 * What a node and its pods use, in the text that Prometheus and metrics-server read from a kubelet's /metrics/resource.
 * Pure. A number that this host does not tell is left out, never 0.
 * Source: Kubernetes, "Node metrics data", resource metrics of the kubelet; Prometheus text format 0.0.4.
 */
import type { MachineUsage, PodUsage } from "../pod/pod-meter.ts";

export const resourceMetricsType = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;

interface Sample {
  readonly labels?: Labels;
  /** Absent: not known. */
  readonly value: number | undefined;
  /** When it was read; absent: it does not change. */
  readonly timeMs?: number;
}

/** The answer of /metrics/resource. */
export function resourceMetrics(machine: MachineUsage, pods: readonly PodUsage[]): string {
  const { timeMs } = machine;
  const ofPods = pods.map((pod) => ({
    labels: { namespace: pod.namespace, pod: pod.name },
    timeMs: pod.timeMs,
    usage: pod.total,
  }));
  const ofContainers = pods.flatMap(({ containers, namespace, name, timeMs: readMs }) =>
    containers.map((usage) => ({
      labels: { container: usage.name, namespace, pod: name },
      timeMs: readMs,
      usage,
    })),
  );
  const cpu = ({ labels, timeMs: at, usage }: (typeof ofPods)[number]): Sample => ({
    labels,
    timeMs: at,
    value: seconds(usage.cpuMicroseconds, 1e6),
  });
  const memory = ({ labels, timeMs: at, usage }: (typeof ofPods)[number]): Sample => ({
    labels,
    timeMs: at,
    value: usage.memory?.workingSetBytes,
  });
  return [
    family(
      "container_cpu_usage_seconds_total",
      "counter",
      "Cumulative cpu time consumed by the container in core-seconds",
      ofContainers.map(cpu),
    ),
    family(
      "container_memory_working_set_bytes",
      "gauge",
      "Current working set of the container in bytes",
      ofContainers.map(memory),
    ),
    family(
      "container_start_time_seconds",
      "gauge",
      "Start time of the container since unix epoch in seconds",
      ofContainers.map(({ labels, usage }) => ({
        labels,
        value: seconds(usage.startedAtMs, 1000),
      })),
    ),
    family(
      "node_cpu_usage_seconds_total",
      "counter",
      "Cumulative cpu time consumed by the node in core-seconds",
      [{ value: seconds(machine.cpuMicroseconds, 1e6), timeMs }],
    ),
    family("node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes", [
      { value: machine.memoryBytes, timeMs },
    ]),
    family(
      "pod_cpu_usage_seconds_total",
      "counter",
      "Cumulative cpu time consumed by the pod in core-seconds",
      ofPods.map(cpu),
    ),
    family(
      "pod_memory_working_set_bytes",
      "gauge",
      "Current working set of the pod in bytes",
      ofPods.map(memory),
    ),
    family(
      "resource_scrape_error",
      "gauge",
      "1 if there was an error while getting container metrics, 0 otherwise",
      [{ value: 0 }],
    ),
  ].join("");
}

/** Nothing when it has no samples, as the client libraries do. */
function family(
  name: string,
  type: "counter" | "gauge",
  help: string,
  samples: readonly Sample[],
): string {
  const lines = samples.flatMap(({ labels = {}, value, timeMs }) => {
    if (value === undefined) return [];
    const pairs = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
    const braces = pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
    return [`${name}${braces} ${value}${timeMs === undefined ? "" : ` ${Math.round(timeMs)}`}\n`];
  });
  if (lines.length === 0) return "";
  return `# HELP ${name} [STABLE] ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function seconds(count: number | undefined, perSecond: number): number | undefined {
  return count === undefined ? undefined : count / perSecond;
}
