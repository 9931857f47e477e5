/**
 * The text of `nspod why`: one line for the pod, a paragraph for what holds all of it up, and one per container.
 * Pure: what is known of the pod comes in.
 */
import type { PodFacts } from "../pod/pod-facts.ts";
import { humanDuration } from "../spec/age.ts";
import type { Event } from "../spec/event.ts";
import type { Container, ContainerStatus, Pod } from "../spec/pod.ts";
import { summarizePod } from "../spec/pod-summary.ts";
import type { BlockedCall } from "./seccomp-audit.ts";
import { compareEvents } from "./sort-objects.ts";
import { type ContainerCase, retrySentence, whyContainer } from "./why-container.ts";

export interface PodCase {
  readonly pod: Pod;
  readonly facts: PodFacts;
  readonly events: readonly Event[];
  /** Objects that the pod needs and that are not there, as `ConfigMap/settings`, or claims that wait. */
  readonly missing: readonly MissingObject[];
  /** Last lines by container. */
  readonly logs: ReadonlyMap<string, readonly string[]>;
  readonly blocked: readonly BlockedCall[];
  readonly nowMs: number;
}

export interface MissingObject {
  readonly kind: string;
  readonly name: string;
  /** What is wrong with one that exists, e.g. "is Pending: …". */
  readonly trouble?: string;
}

export function whyPod(about: PodCase): string {
  const whole = wholePod(about);
  const paragraphs = [
    [headline(about.pod), ...whole],
    ...containerCases(about).map((each) => whyContainer(each)),
  ];
  return paragraphs.map((lines) => lines.join("\n")).join("\n\n");
}

function headline(pod: Pod): string {
  const { namespace, name } = pod.metadata;
  const { status, readyContainers, totalContainers } = summarizePod(pod);
  return `Pod "${namespace}/${name}": ${status}, ${readyContainers} of ${totalContainers} containers ready`;
}

/** What holds up or ended all containers at once. */
function wholePod({ pod, facts, events, missing, nowMs }: PodCase): readonly string[] {
  const { status, metadata, spec } = pod;
  const lines: string[] = [];
  if (status?.reason || status?.message) {
    lines.push([status.reason, status.message].filter(Boolean).join(": "));
  }
  const scheduled = condition(pod, "PodScheduled");
  if (scheduled?.status === "False") {
    lines.push(`No node for it: ${scheduled.reason ?? ""}: ${scheduled.message ?? ""}`);
    if (scheduled.reason === "SchedulingGated") {
      const gates = (spec.schedulingGates ?? []).map(({ name }) => name).join(", ");
      lines.push(`Remove its scheduling gates to let it start: ${gates}`);
    }
  }
  if (metadata.deletionTimestamp !== undefined) lines.push(...ending(pod, nowMs));
  for (const each of missing) lines.push(missingLine(each, metadata.namespace));
  if (
    condition(pod, "PodReadyToStartContainers")?.status === "False" &&
    status?.phase === "Pending"
  ) {
    lines.push(...trouble(events, nowMs), ...retrySentence(facts.retryAt, nowMs));
  }
  for (const { conditionType } of spec.readinessGates ?? []) {
    if (condition(pod, conditionType)?.status === "True") continue;
    lines.push(
      `Readiness gate "${conditionType}" is not True: whoever owns it has to set that condition`,
    );
  }
  return [...new Set(lines)].map((line) => `  ${line}`);
}

function condition(
  { status }: Pod,
  wanted: string,
): NonNullable<NonNullable<Pod["status"]>["conditions"]>[number] | undefined {
  return status?.conditions?.find(({ type }) => type === wanted);
}

function ending({ metadata, status }: Pod, nowMs: number): readonly string[] {
  const leftMs = Date.parse(metadata.deletionTimestamp ?? "") - nowMs;
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const running = all
    .filter(({ state }) => state?.running !== undefined)
    .map(({ name }) => `"${name}"`);
  const grace = leftMs > 0 ? `, for at most ${humanDuration(leftMs)} more` : "";
  const { finalizers = [] } = metadata;
  return [
    running.length > 0
      ? `It is being deleted and waits for the end of ${running.join(", ")}${grace}`
      : "It is being deleted",
    ...(finalizers.length > 0
      ? [`It stays until its finalizers are gone: ${finalizers.join(", ")}`]
      : []),
  ];
}

function missingLine({ kind, name, trouble: why }: MissingObject, namespace: string): string {
  if (why !== undefined) return `${kind} "${name}" ${why}`;
  return `${kind} "${name}" does not exist in namespace "${namespace}": create it with "nspod apply -f FILE"`;
}

/** What kept the sandbox from being made: the newest warning of each reason. */
function trouble(events: readonly Event[], nowMs: number): readonly string[] {
  const newest = new Map<string, Event>();
  for (const event of [...events].sort(compareEvents)) {
    const isAboutContainer = event.involvedObject.fieldPath !== undefined;
    if (event.type === "Warning" && !isAboutContainer && event.reason !== "FieldIgnored") {
      newest.set(event.reason, event);
    }
  }
  return [...newest.values()].map(({ reason, message, lastTimestamp, count }) => {
    const since = humanDuration(Math.max(0, nowMs - Date.parse(lastTimestamp)));
    return `${reason}, ${since} ago${count > 1 ? ` (${count} times)` : ""}: ${(message ?? "").trim()}`;
  });
}

function containerCases(about: PodCase): readonly ContainerCase[] {
  const { pod, facts, logs, blocked, nowMs } = about;
  const { spec, status } = pod;
  const list = (
    kind: ContainerCase["kind"],
    field: string,
    // Ephemeral containers have the fields of a container that make sense for them.
    containers: readonly Container[] | undefined,
    statuses: readonly ContainerStatus[] | undefined,
  ): readonly ContainerCase[] =>
    (containers ?? []).map((container, index) => ({
      pod,
      container,
      kind,
      path: `spec.${field}[${index}]`,
      status: statuses?.find(({ name }) => name === container.name),
      facts: facts.containers[container.name],
      log: logs.get(container.name) ?? [],
      blocked,
      nowMs,
    }));
  return [
    ...list("Init container", "initContainers", spec.initContainers, status?.initContainerStatuses),
    ...list("Container", "containers", spec.containers, status?.containerStatuses),
    ...list(
      "Ephemeral container",
      "ephemeralContainers",
      spec.ephemeralContainers,
      status?.ephemeralContainerStatuses,
    ),
  ];
}
