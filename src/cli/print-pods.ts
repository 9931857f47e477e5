/** The rows of `get pods` and `get events`, in kubectl's words and order. Pure. */
import type { Event } from "../spec/event.ts";
import type { Pod } from "../spec/pod.ts";
import { age } from "./age.ts";
import { restartsCell, summarizePod } from "./pod-status.ts";

export interface RowOptions {
  readonly isWide: boolean;
  readonly withNamespace: boolean;
  readonly nowMs: number;
}

export function podHeading({ isWide, withNamespace }: RowOptions): readonly string[] {
  return [
    ...(withNamespace ? ["NAMESPACE"] : []),
    ...["NAME", "READY", "STATUS", "RESTARTS", "AGE"],
    ...(isWide ? ["IP", "NODE", "NOMINATED NODE", "READINESS GATES"] : []),
  ];
}

export function podRow(pod: Pod, { isWide, withNamespace, nowMs }: RowOptions): readonly string[] {
  const summary = summarizePod(pod);
  return [
    ...(withNamespace ? [pod.metadata.namespace] : []),
    pod.metadata.name,
    `${summary.readyContainers}/${summary.totalContainers}`,
    summary.status,
    restartsCell(summary, nowMs),
    age(pod.metadata.creationTimestamp, nowMs),
    ...(isWide
      ? // One node, named by its address; it nominates nobody and knows no readiness gates.
        [pod.status?.podIP || "<none>", pod.status?.hostIP || "<none>", "<none>", "<none>"]
      : []),
  ];
}

export function eventHeading({ isWide, withNamespace }: RowOptions): readonly string[] {
  return [
    ...(withNamespace ? ["NAMESPACE"] : []),
    ...["LAST SEEN", "TYPE", "REASON", "OBJECT"],
    ...(isWide ? ["SUBOBJECT", "SOURCE"] : []),
    "MESSAGE",
    ...(isWide ? ["FIRST SEEN", "COUNT", "NAME"] : []),
  ];
}

export function eventRow(event: Event, options: RowOptions): readonly string[] {
  const { involvedObject: object, nowMs } = { ...event, ...options };
  return [
    ...(options.withNamespace ? [event.metadata.namespace] : []),
    age(event.lastTimestamp, nowMs),
    event.type,
    event.reason,
    `${(object.kind ?? "").toLowerCase()}/${object.name ?? ""}`,
    ...(options.isWide ? [object.fieldPath ?? "", event.source.component ?? ""] : []),
    event.message.trim(),
    ...(options.isWide
      ? [age(event.firstTimestamp, nowMs), String(event.count), event.metadata.name]
      : []),
  ];
}

/** Oldest first. Time stamps have whole seconds: within one, the store's order of writing decides. */
export function compareEvents(a: Event, b: Event): number {
  const revision = ({ metadata }: Event): number => Number(metadata.resourceVersion ?? 0);
  return a.lastTimestamp.localeCompare(b.lastTimestamp) || revision(a) - revision(b);
}
