/** What controllers ask of a pod. Pure. Source: Kubernetes, "Pod Lifecycle", conditions; apps/v1 "minReadySeconds". */
import type { Pod } from "../spec/pod.ts";
import { earliest } from "./key-queue.ts";

/** Runs or will, and nobody has asked for its end. */
export function isActive({ metadata, status }: Pod): boolean {
  const hasEnded = status?.phase === "Succeeded" || status?.phase === "Failed";
  return metadata.deletionTimestamp === undefined && !hasEnded;
}

export function isReady({ status }: Pod): boolean {
  return (
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false
  );
}

/** When the pod has been ready for long enough; undefined while it is not ready. */
export function availableAtMs(pod: Pod, minReadySeconds = 0): number | undefined {
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status !== "True") return undefined;
  if (minReadySeconds === 0) return 0;
  const sinceMs = Date.parse(ready.lastTransitionTime ?? "");
  return Number.isNaN(sinceMs) ? undefined : sinceMs + 1000 * minReadySeconds;
}

export function isAvailable(pod: Pod, minReadySeconds: number | undefined, nowMs: number): boolean {
  const atMs = availableAtMs(pod, minReadySeconds);
  return atMs !== undefined && atMs <= nowMs;
}

/** When the next of the pods becomes available by time alone; undefined when none does. */
export function nextAvailableMs(
  pods: readonly Pod[],
  minReadySeconds: number | undefined,
  nowMs: number,
): number | undefined {
  const times = pods.filter(isActive).map((pod) => availableAtMs(pod, minReadySeconds));
  return earliest(...times.filter((atMs) => atMs !== undefined && atMs > nowMs));
}
