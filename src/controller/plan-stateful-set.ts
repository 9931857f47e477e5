/**
 * The next steps of a StatefulSet. Pure: what may be done now, in order; then the world is looked at again.
 *
 *   OrderedReady   up: the lowest ordinal that is missing, when all below it are available
 *                  down: the highest one that is too many, when all others are available and none is ending
 *   Parallel       all at once
 *   update         the highest ordinal of an old revision, when all others are available
 *
 * A pod that has ended is deleted and made anew. Source: Kubernetes, "StatefulSets", "Deployment and Scaling
 * Guarantees", "Update strategies".
 */
import { resolveIntOrPercent } from "../spec/int-or-percent.ts";
import type { StatefulSet } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { isAvailable } from "./pod-readiness.ts";
import { revisionLabel } from "./revision-history.ts";
import { ordinalOf, startOf } from "./stateful-pod.ts";

export interface StatefulState {
  readonly set: StatefulSet;
  /** Its pods, whatever their state. */
  readonly pods: readonly Pod[];
  /** Name of the revision that pods had before the update. */
  readonly current: string;
  /** Name of the revision of the template as it is now. */
  readonly update: string;
  readonly nowMs: number;
}

export interface StatefulSteps {
  readonly create: readonly { readonly ordinal: number; readonly revision: string }[];
  readonly remove: readonly Pod[];
}

export function planStatefulSet(state: StatefulState): StatefulSteps {
  const { set, nowMs } = state;
  const byOrdinal = new Map(
    state.pods.flatMap((pod) => {
      const ordinal = ordinalOf(set, pod.metadata.name);
      return ordinal === undefined ? [] : [[ordinal, pod] as const];
    }),
  );
  const start = startOf(set);
  const end = start + (set.spec.replicas ?? 1);
  const isParallel = set.spec.podManagementPolicy === "Parallel";
  const surplus = [...byOrdinal]
    .filter(([ordinal]) => ordinal < start || ordinal >= end)
    .sort(([a], [b]) => b - a)
    .map(([, pod]) => pod);
  const create: { ordinal: number; revision: string }[] = [];
  const remove: Pod[] = [];
  let isWaiting = false;
  for (let ordinal = start; ordinal < end && (isParallel || !isWaiting); ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (pod === undefined) create.push({ ordinal, revision: revisionFor(state, ordinal) });
    else if (hasEnded(pod) && !isEnding(pod)) remove.push(pod);
    if (pod === undefined || hasEnded(pod) || isEnding(pod) || !isOn(pod, set, nowMs))
      isWaiting = true;
  }
  if (isWaiting && !isParallel) return { create, remove };
  if (isParallel) remove.push(...surplus.filter((pod) => !isEnding(pod)));
  else if (surplus.length > 0) {
    const [last] = surplus;
    const isQuiet = !surplus.some(isEnding);
    return { create, remove: last !== undefined && isQuiet ? [last] : [] };
  }
  if (create.length + remove.length > 0) return { create, remove };
  return { create, remove: outdated(state, byOrdinal) };
}

/** Pods that give way to their next revision, highest ordinals first. */
function outdated(state: StatefulState, byOrdinal: ReadonlyMap<number, Pod>): readonly Pod[] {
  const { set, update, nowMs } = state;
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  if (type === "OnDelete") return [];
  const { replicas = 1 } = set.spec;
  const { partition = 0, maxUnavailable = 1 } = rollingUpdate ?? {};
  const start = startOf(set);
  const most = Math.max(1, resolveIntOrPercent(maxUnavailable, replicas, "up"));
  const wanted = [...byOrdinal]
    .filter(([ordinal]) => ordinal >= start && ordinal < start + replicas)
    .sort(([a], [b]) => b - a);
  let room = most;
  for (const [, pod] of wanted) {
    if (isEnding(pod) || !isOn(pod, set, nowMs)) room--;
  }
  const found: Pod[] = [];
  for (const [ordinal, pod] of wanted) {
    if (ordinal < start + partition || pod.metadata.labels?.[revisionLabel] === update) continue;
    if (isEnding(pod)) continue;
    // What does not run anyway costs nothing; below it nothing moves until it does.
    if (!isOn(pod, set, nowMs)) return [...found, pod];
    if (room <= 0) break;
    found.push(pod);
    room--;
  }
  return found;
}

/** Ordinals below the partition stay with what they have. */
function revisionFor({ set, current, update }: StatefulState, ordinal: number): string {
  const { type, rollingUpdate } = set.spec.updateStrategy ?? {};
  const isHeld = type !== "OnDelete" && ordinal < startOf(set) + (rollingUpdate?.partition ?? 0);
  return isHeld ? current : update;
}

function isOn(pod: Pod, { spec }: StatefulSet, nowMs: number): boolean {
  return isAvailable(pod, spec.minReadySeconds, nowMs);
}

function isEnding({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
