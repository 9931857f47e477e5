/**
 * What each node gets and gives up. Pure.
 *
 *   node wanted    no pod: create · pod has ended: delete · more than one: the oldest stays
 *   not wanted     pods go
 *   update         maxUnavailable: old pods go, those that are not available first, and new ones are made
 *                  maxSurge: new pods come first, old ones go when theirs is available
 *
 * Source: Kubernetes, "DaemonSet", "Perform a Rolling Update on a DaemonSet".
 */
import { resolveIntOrPercent } from "../spec/int-or-percent.ts";
import type { DaemonSet, Node } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { nodeOfDaemonPod, nodeVerdict } from "./daemon-pod.ts";
import { isAvailable } from "./pod-readiness.ts";
import { revisionLabel } from "./revision-history.ts";

export interface DaemonState {
  readonly set: DaemonSet;
  readonly nodes: readonly Node[];
  /** Those of the set, whatever their state. */
  readonly pods: readonly Pod[];
  /** The label of pods of the template as it is now. */
  readonly revision: string;
  readonly nowMs: number;
}

export interface DaemonSteps {
  /** Names of nodes. */
  readonly create: readonly string[];
  readonly remove: readonly Pod[];
  /** Pods that failed by themselves: they go, too, but not as often as they like. */
  readonly failed: readonly Pod[];
}

/** Pods of one node that is to have one. */
interface Place {
  readonly node: string;
  readonly old: Pod | undefined;
  readonly current: Pod | undefined;
  readonly isEmpty: boolean;
}

export function planDaemonSet(state: DaemonState): DaemonSteps {
  const { set, nodes } = state;
  const create: string[] = [];
  const remove: Pod[] = [];
  const failed: Pod[] = [];
  const places: Place[] = [];
  const byNode = podsByNode(state.pods);
  const names = new Set(nodes.map(({ metadata }) => metadata.name));
  for (const [name, pods] of byNode) {
    // The pods of a node that is gone.
    if (!names.has(name)) remove.push(...pods.filter((pod) => !isEnding(pod)));
  }
  for (const node of nodes) {
    const { name } = node.metadata;
    const pods = byNode.get(name) ?? [];
    const { isWanted, mayStay } = nodeVerdict(set, node);
    if (!mayStay) remove.push(...pods.filter((pod) => !isEnding(pod)));
    if (!isWanted) continue;
    failed.push(...pods.filter((pod) => pod.status?.phase === "Failed" && !isEnding(pod)));
    remove.push(...pods.filter((pod) => pod.status?.phase === "Succeeded" && !isEnding(pod)));
    const living = pods.filter((pod) => !hasEnded(pod) && !isEnding(pod)).sort(byAge);
    const isCurrent = (pod: Pod): boolean =>
      pod.metadata.labels?.[revisionLabel] === state.revision;
    const [current, ...more] = living.filter(isCurrent);
    const [old, ...older] = living.filter((pod) => !isCurrent(pod));
    remove.push(...more, ...older);
    const isEmpty = pods.length === 0;
    if (isEmpty) create.push(name);
    places.push({ node: name, old, current, isEmpty });
  }
  const update = set.spec.updateStrategy?.type === "OnDelete" ? none : roll(state, places);
  return {
    create: [...create, ...update.create],
    remove: [...remove, ...update.remove],
    failed,
  };
}

type Steps = Pick<DaemonSteps, "create" | "remove">;

const none: Steps = { create: [], remove: [] };

function roll(state: DaemonState, places: readonly Place[]): Steps {
  const { maxSurge = 0, maxUnavailable = 1 } = state.set.spec.updateStrategy?.rollingUpdate ?? {};
  const surge = resolveIntOrPercent(maxSurge, places.length, "up");
  if (surge > 0) return rollWithSurge(state, places, surge);
  return rollInPlace(state, places, resolveIntOrPercent(maxUnavailable, places.length, "up"));
}

function rollInPlace(state: DaemonState, places: readonly Place[], most: number): Steps {
  const remove: Pod[] = [];
  const ready: Pod[] = [];
  let missing = 0;
  for (const { old, current } of places) {
    if (old !== undefined && current !== undefined) {
      // Two at once are left from a surge: the old one has done its work.
      remove.push(old);
    } else if (!isOn(state, old ?? current)) {
      missing++;
      if (old !== undefined) remove.push(old);
    } else if (old !== undefined) ready.push(old);
  }
  return { create: [], remove: [...remove, ...ready.slice(0, Math.max(0, most - missing))] };
}

function rollWithSurge(state: DaemonState, places: readonly Place[], surge: number): Steps {
  const create: string[] = [];
  const remove: Pod[] = [];
  let room = surge - places.filter(({ old, current }) => old && current).length;
  for (const { node, old, current } of places) {
    if (old === undefined) continue;
    if (current !== undefined) {
      if (isOn(state, current)) remove.push(old);
    } else if (!isOn(state, old)) {
      // Nothing is lost with it.
      create.push(node);
      remove.push(old);
    } else if (room > 0) {
      create.push(node);
      room--;
    }
  }
  return { create, remove };
}

function isOn({ set, nowMs }: DaemonState, pod: Pod | undefined): boolean {
  return pod !== undefined && isAvailable(pod, set.spec.minReadySeconds, nowMs);
}

export function podsByNode(pods: readonly Pod[]): ReadonlyMap<string, readonly Pod[]> {
  return Map.groupBy(pods, nodeOfDaemonPod);
}

function isEnding({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

function byAge({ metadata: a }: Pod, { metadata: b }: Pod): number {
  return (a.creationTimestamp ?? "").localeCompare(b.creationTimestamp ?? "");
}
