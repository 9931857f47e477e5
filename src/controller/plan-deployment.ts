/**
 * The next step of a Deployment: which ReplicaSet gets which size. Pure: one step, then the world is looked at again.
 *
 *   size changed or paused ─▶ scale all in proportion
 *   Recreate               ─▶ old ones to 0 ─▶ their pods gone ─▶ the new one to its size
 *   RollingUpdate          ─▶ the new one up as far as the surge allows, else the old ones down as far as what must
 *                             be available allows
 *
 * Invariants: the sizes never add up to more than replicas + maxSurge; what is available falls below
 * replicas − maxUnavailable by no decision of ours. Source: Kubernetes, "Deployments", "Rolling Update Deployment",
 * "Proportional scaling".
 */
import type { Deployment, ReplicaSet } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { desiredReplicas, maxReplicas } from "./deployment-annotations.ts";
import { maxSurgeOf, maxUnavailableOf } from "./deployment-limits.ts";

export interface DeploymentState {
  readonly deployment: Deployment;
  /** The ReplicaSet of the template as it is now. */
  readonly newest: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  /** Pods of the old ReplicaSets. */
  readonly oldPods: readonly Pod[];
}

export interface Resize {
  readonly set: ReplicaSet;
  readonly replicas: number;
}

export type DeploymentStep =
  | { readonly kind: "resize"; readonly sizes: readonly Resize[] }
  /** The newest ReplicaSet is to be made, of this size. */
  | { readonly kind: "create"; readonly replicas: number }
  | { readonly kind: "none" };

const nothing: DeploymentStep = { kind: "none" };

export function planDeployment(state: DeploymentState): DeploymentStep {
  const { deployment, newest, old } = state;
  const all = newest === undefined ? old : [newest, ...old];
  if (deployment.spec.paused === true || wasResized(deployment, all)) {
    return resize(scaledSizes(state));
  }
  return deployment.spec.strategy?.type === "Recreate" ? recreate(state) : roll(state, all);
}

function wasResized({ spec }: Deployment, all: readonly ReplicaSet[]): boolean {
  return all.filter(isInUse).some((set) => {
    const desired = desiredReplicas(set);
    return desired !== undefined && desired !== (spec.replicas ?? 1);
  });
}

function recreate({ deployment, newest, old, oldPods }: DeploymentState): DeploymentStep {
  const active = old.filter(isInUse);
  if (active.length > 0) return resize(active.map((set) => ({ set, replicas: 0 })));
  // Also those that are still ending: two versions never run at once.
  if (oldPods.some(({ status }) => !["Succeeded", "Failed"].includes(status?.phase ?? ""))) {
    return nothing;
  }
  const replicas = deployment.spec.replicas ?? 1;
  if (newest === undefined) return { kind: "create", replicas };
  return resize([{ set: newest, replicas }]);
}

function roll(state: DeploymentState, all: readonly ReplicaSet[]): DeploymentStep {
  const { newest } = state;
  const replicas = newestSize(state, all);
  if (newest === undefined) return { kind: "create", replicas };
  if (replicas !== sizeOf(newest)) return resize([{ set: newest, replicas }]);
  return resize(shrinkOld(state, newest));
}

/** As large as the surge allows. */
function newestSize({ deployment, newest }: DeploymentState, all: readonly ReplicaSet[]): number {
  const wanted = deployment.spec.replicas ?? 1;
  const size = newest === undefined ? 0 : sizeOf(newest);
  if (size > wanted) return wanted;
  const room = wanted + maxSurgeOf(deployment) - sum(all.map(sizeOf));
  return room <= 0 ? size : size + Math.min(room, wanted - size);
}

/** Old ReplicaSets lose what is not available anyway first, then as much as may be missing. */
function shrinkOld({ deployment, old }: DeploymentState, newest: ReplicaSet): readonly Resize[] {
  const least = (deployment.spec.replicas ?? 1) - maxUnavailableOf(deployment);
  const missing = sizeOf(newest) - availableOf(newest);
  let most = sum([newest, ...old].map(sizeOf)) - least - missing;
  if (most <= 0) return [];
  const sizes = new Map(old.map((set) => [set, sizeOf(set)]));
  const oldestFirst = [...old].sort(byAge);
  for (const set of oldestFirst) {
    const useless = Math.min(most, Math.max(0, sizeOf(set) - availableOf(set)));
    sizes.set(set, sizeOf(set) - useless);
    most -= useless;
  }
  let spare = Math.min(most, sum([newest, ...old].map(availableOf)) - least);
  for (const set of oldestFirst) {
    const size = sizes.get(set) ?? 0;
    const less = Math.min(size, Math.max(0, spare));
    sizes.set(set, size - less);
    spare -= less;
  }
  return [...sizes].map(([set, replicas]) => ({ set, replicas }));
}

/** New sizes after the Deployment got another one, or while it is paused. */
function scaledSizes({ deployment, newest, old }: DeploymentState): readonly Resize[] {
  const wanted = deployment.spec.replicas ?? 1;
  const all = newest === undefined ? old : [newest, ...old];
  const active = all.filter(isInUse);
  const only = active.length === 0 ? (newest ?? [...old].sort(byAge).at(-1)) : active[0];
  if (active.length <= 1) return only === undefined ? [] : [{ set: only, replicas: wanted }];
  if (newest !== undefined && isSaturated(newest, wanted)) {
    return old.filter(isInUse).map((set) => ({ set, replicas: 0 }));
  }
  if (deployment.spec.strategy?.type === "Recreate") return [];
  return inProportion(deployment, active);
}

function isSaturated(newest: ReplicaSet, wanted: number): boolean {
  return (
    sizeOf(newest) === wanted &&
    desiredReplicas(newest) === wanted &&
    availableOf(newest) === wanted
  );
}

/** Every ReplicaSet keeps its share of the whole; what rounding leaves over is the largest one's. */
function inProportion(deployment: Deployment, active: readonly ReplicaSet[]): readonly Resize[] {
  const wanted = deployment.spec.replicas ?? 1;
  const allowed = wanted > 0 ? wanted + maxSurgeOf(deployment) : 0;
  const change = allowed - sum(active.map(sizeOf));
  const sorted = [...active].sort(
    (a, b) => sizeOf(b) - sizeOf(a) || (change > 0 ? byAge(b, a) : byAge(a, b)),
  );
  let left = change;
  const sizes = sorted.map((set) => {
    const part = shareOf(set, deployment, wanted);
    const step = change > 0 ? Math.max(0, Math.min(part, left)) : Math.min(0, Math.max(part, left));
    left -= step;
    return { set, replicas: sizeOf(set) + step };
  });
  return sizes.map(({ set, replicas }, index) => ({
    set,
    replicas: Math.max(0, index === 0 ? replicas + left : replicas),
  }));
}

/** By how much a ReplicaSet's size would change if sizes were no whole numbers. */
function shareOf(set: ReplicaSet, deployment: Deployment, wanted: number): number {
  if (wanted === 0) return -sizeOf(set);
  const before = maxReplicas(set) ?? deployment.status?.replicas ?? 0;
  if (before === 0) return 0;
  return Math.round((sizeOf(set) * (wanted + maxSurgeOf(deployment))) / before) - sizeOf(set);
}

/** Only what changes. */
function resize(sizes: readonly Resize[]): DeploymentStep {
  const changed = sizes.filter(({ set, replicas }) => replicas !== sizeOf(set));
  return changed.length === 0 ? nothing : { kind: "resize", sizes: changed };
}

export function isInUse(set: ReplicaSet): boolean {
  return sizeOf(set) > 0;
}

export function sizeOf({ spec }: ReplicaSet): number {
  return spec.replicas ?? 1;
}

/** A status may be of a larger size than the set has by now. */
export function availableOf(set: ReplicaSet): number {
  return set.status?.availableReplicas ?? 0;
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

export function byAge({ metadata: a }: ReplicaSet, { metadata: b }: ReplicaSet): number {
  const times = [a, b].map(({ creationTimestamp }) => Date.parse(creationTimestamp ?? "") || 0);
  return (times[0] ?? 0) - (times[1] ?? 0) || (a.name < b.name ? -1 : 1);
}
