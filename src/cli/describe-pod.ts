/** The text of `describe pod`: kubectl's sections and words, with the pod's events. Pure. */
import type { Event } from "../spec/event.ts";
import type { Container, ContainerState, ContainerStatus, Pod, Volume } from "../spec/pod.ts";
import { age, humanDuration } from "./age.ts";
import { describeProbe } from "./describe-probe.ts";
import { compareEvents } from "./print-pods.ts";
import { formatTable } from "./table.ts";

/** A line or a labelled block: indentation is made when it is printed. */
type Field = readonly [label: string, value: string | readonly string[] | readonly Field[]];

const keyWidth = 18;

export function describePod(pod: Pod, events: readonly Event[], nowMs: number): string {
  const { metadata, spec, status = {} } = pod;
  const isDeleted = metadata.deletionTimestamp !== undefined;
  const fields: Field[] = [
    ["Name", metadata.name],
    ["Namespace", metadata.namespace],
    ...optional("Node", status.hostIP),
    ["Start Time", time(status.startTime)],
    ["Labels", pairs(metadata.labels)],
    ["Annotations", pairs(metadata.annotations)],
    ...(isDeleted
      ? ([
          ["Status", terminating(pod, nowMs)],
          ["Termination Grace Period", `${metadata.deletionGracePeriodSeconds ?? 0}s`],
        ] satisfies Field[])
      : ([["Status", status.phase ?? "Pending"]] satisfies Field[])),
    ...optional("Reason", status.reason),
    ...optional("Message", status.message),
    ["IP", status.podIP || ""],
    ["IPs", (status.podIPs ?? []).length === 0 ? "<none>" : ipFields(pod)],
    ...(spec.initContainers?.length
      ? ([
          ["Init Containers", containers(spec.initContainers, status.initContainerStatuses)],
        ] satisfies Field[])
      : []),
    ["Containers", containers(spec.containers, status.containerStatuses)],
  ];
  const conditions = status.conditions ?? [];
  return [
    ...lines(fields, ""),
    ...(conditions.length > 0 ? ["Conditions:", ...conditionTable(conditions)] : []),
    ...((spec.volumes ?? []).length > 0
      ? ["Volumes:", ...lines((spec.volumes ?? []).map(volumeField), "  ")]
      : line("Volumes", "<none>")),
    ...line("QoS Class", status.qosClass ?? "<none>"),
    ...describeEvents(events, nowMs),
  ].join("\n");
}

function describeEvents(events: readonly Event[], nowMs: number): readonly string[] {
  if (events.length === 0) return line("Events", "<none>");
  const sorted = [...events].sort(compareEvents);
  const rows = sorted.map((event) => [
    `  ${event.type}`,
    event.reason,
    eventAge(event, nowMs),
    event.source.component || event.reportingComponent,
    event.message.trim(),
  ]);
  const heading = ["  Type", "Reason", "Age", "From", "Message"];
  const rules = heading.map((word) => word.replace(/\S/g, "-"));
  return ["Events:", formatTable([heading, rules, ...rows])];
}

function eventAge(event: Event, nowMs: number): string {
  const last = age(event.lastTimestamp, nowMs);
  return event.count > 1
    ? `${last} (x${event.count} over ${age(event.firstTimestamp, nowMs)})`
    : last;
}

function terminating({ metadata }: Pod, nowMs: number): string {
  const since = nowMs - Date.parse(metadata.deletionTimestamp ?? "");
  // The time stamp is the deadline: the grace period may still be running.
  return since > 0 ? `Terminating (lasts ${humanDuration(since)})` : "Terminating";
}

function ipFields({ status }: Pod): readonly Field[] {
  return (status?.podIPs ?? []).map(({ ip }) => ["IP", ip] as const);
}

function containers(
  list: readonly Container[],
  statuses: readonly ContainerStatus[] | undefined,
): readonly Field[] {
  return list.map((container) => {
    const status = statuses?.find(({ name }) => name === container.name);
    return [container.name, containerFields(container, status)] as const;
  });
}

function containerFields(
  container: Container,
  status: ContainerStatus | undefined,
): readonly Field[] {
  const { resources = {}, ports = [] } = container;
  return [
    ["Container ID", status?.containerID ?? ""],
    ["Image", container.image],
    ["Image ID", status?.imageID ?? ""],
    ["Port", portList(ports.map((port) => `${port.containerPort}/${port.protocol ?? "TCP"}`))],
    ["Host Port", portList(ports.map((port) => `${port.hostPort ?? 0}/${port.protocol ?? "TCP"}`))],
    ...listField("Command", container.command),
    ...listField("Args", container.args),
    ...(status === undefined ? [] : stateFields("State", status.state ?? { waiting: {} })),
    ...(hasState(status?.lastState) ? stateFields("Last State", status?.lastState ?? {}) : []),
    ["Ready", status?.ready ? "True" : "False"],
    ["Restart Count", String(status?.restartCount ?? 0)],
    ...resourceField("Limits", resources.limits),
    ...resourceField("Requests", resources.requests),
    ...probeFields(container),
    [
      "Environment",
      (container.env ?? []).length === 0
        ? "<none>"
        : (container.env ?? []).map(({ name, value = "" }) => [name, value] as const),
    ],
    [
      "Mounts",
      (container.volumeMounts ?? []).length === 0
        ? "<none>"
        : (container.volumeMounts ?? []).map((mount) => {
            const path = mount.subPath === undefined ? "" : `,path="${mount.subPath}"`;
            return `${mount.mountPath} from ${mount.name} (${mount.readOnly ? "ro" : "rw"}${path})`;
          }),
    ],
  ];
}

function probeFields(container: Container): readonly Field[] {
  const { livenessProbe, readinessProbe, startupProbe } = container;
  return [
    ...optional("Liveness", livenessProbe && describeProbe(livenessProbe)),
    ...optional("Readiness", readinessProbe && describeProbe(readinessProbe)),
    ...optional("Startup", startupProbe && describeProbe(startupProbe)),
  ];
}

function portList(ports: readonly string[]): string {
  return ports.length === 0 ? "<none>" : ports.join(", ");
}

function hasState(state: ContainerState | undefined): boolean {
  return state !== undefined && Object.keys(state).length > 0;
}

function stateFields(label: string, state: ContainerState): readonly Field[] {
  const { waiting, running, terminated } = state;
  if (running !== undefined) {
    return [
      [label, "Running"],
      ["  Started", time(running.startedAt)],
    ];
  }
  if (terminated !== undefined) {
    return [
      [label, "Terminated"],
      ...optional("  Reason", terminated.reason),
      ...optional("  Message", terminated.message),
      ["  Exit Code", String(terminated.exitCode)],
      ...optional("  Signal", terminated.signal ? String(terminated.signal) : undefined),
      ["  Started", time(terminated.startedAt)],
      ["  Finished", time(terminated.finishedAt)],
    ];
  }
  return [
    [label, "Waiting"],
    ...optional("  Reason", waiting?.reason),
    ...optional("  Message", waiting?.message),
  ];
}

function resourceField(
  label: string,
  list: Readonly<Record<string, string>> | undefined,
): readonly Field[] {
  const entries = Object.entries(list ?? {}).sort(([a], [b]) => a.localeCompare(b));
  return entries.length === 0 ? [] : [[label, entries]];
}

function listField(label: string, list: readonly string[] | undefined): readonly Field[] {
  return list === undefined || list.length === 0 ? [] : [[label, list]];
}

function volumeField({ name, emptyDir, hostPath }: Volume): Field {
  if (hostPath !== undefined) {
    return [
      name,
      [
        ["Type", "HostPath (bare host directory volume)"],
        ["Path", hostPath.path],
        ["HostPathType", hostPath.type ?? ""],
      ],
    ];
  }
  return [
    name,
    [
      ["Type", "EmptyDir (a temporary directory that shares a pod's lifetime)"],
      ["Medium", emptyDir?.medium ?? ""],
      ["SizeLimit", emptyDir?.sizeLimit ?? "<unset>"],
    ],
  ];
}

function conditionTable(
  conditions: readonly { readonly type: string; readonly status: string }[],
): readonly string[] {
  const rows = conditions.map(({ type, status }) => [`  ${type}`, status]);
  return [formatTable([["  Type", "Status"], ...rows])];
}

function optional(label: string, value: string | undefined): readonly Field[] {
  return value === undefined || value === "" ? [] : [[label, value]];
}

function pairs(map: Readonly<Record<string, string>> | undefined): string | readonly string[] {
  const entries = Object.entries(map ?? {})
    // The whole manifest again: kubectl leaves it out, too.
    .filter(([key]) => key !== "kubectl.kubernetes.io/last-applied-configuration")
    .sort(([a], [b]) => a.localeCompare(b));
  return entries.length === 0 ? "<none>" : entries.map(([key, value]) => `${key}=${value}`);
}

function time(timestamp: string | undefined): string {
  if (timestamp === undefined || timestamp === "") return "<unset>";
  const date = new Date(timestamp);
  // RFC 1123 with a numeric zone, as Go prints it; UTC, as the object says.
  return Number.isNaN(date.getTime()) ? timestamp : date.toUTCString().replace(/GMT$/, "+0000");
}

function line(label: string, value: string): readonly string[] {
  return lines([[label, value]], "");
}

function lines(fields: readonly Field[], indent: string): readonly string[] {
  return fields.flatMap(([label, value]): readonly string[] => {
    const head = `${indent}${label}:`;
    const column = indent.length + keyWidth;
    if (typeof value === "string") {
      return [value === "" ? head : `${head.padEnd(column - 1)} ${value}`];
    }
    const [first] = value;
    if (isText(first) && indent === "") {
      // Labels and annotations start on the line of their label.
      return value.map((text, index) =>
        index === 0
          ? `${head.padEnd(column - 1)} ${String(text)}`
          : " ".repeat(column) + String(text),
      );
    }
    if (isText(first)) return [head, ...value.map((text) => `${indent}  ${String(text)}`)];
    return [head, ...lines(value as readonly Field[], `${indent}  `)];
  });
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
