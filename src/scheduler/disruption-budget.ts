/**
 * How many of the pods that a PodDisruptionBudget selects may be evicted now. Pure.
 *
 *   allowed = healthy − desired      desired = minAvailable, or expected − maxUnavailable
 *
 * Shares are of what the owners of the pods ask for, so that pods that are missing count as unhealthy.
 * Source: Kubernetes, "Specifying a Disruption Budget for your Application"; words of the disruption controller.
 */
import { toTime } from "../base/clock.ts";
import { resolveIntOrPercent } from "../spec/int-or-percent.ts";
import type {
  Condition,
  PodDisruptionBudget,
  PodDisruptionBudgetStatus,
} from "../spec/kubernetes.gen.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { OwnerReference } from "../spec/meta.ts";
import type { Pod } from "../spec/pod.ts";

/** Replicas that an owner asks for; undefined: it is none that can be scaled, or it is gone. */
export type ScaleOf = (namespace: string, owner: OwnerReference) => number | undefined;

/** Pods of the budget's namespace that it protects. A budget without a selector protects none. */
export function selectPods(budget: PodDisruptionBudget, pods: readonly Pod[]): readonly Pod[] {
  const { metadata, spec } = budget;
  return pods.filter(
    (pod) => pod.metadata.namespace === metadata.namespace && isProtected(spec.selector, pod),
  );
}

function isProtected(selector: PodDisruptionBudget["spec"]["selector"], pod: Pod): boolean {
  if (selector === undefined || hasEnded(pod)) return false;
  return matchesLabels(selector, pod.metadata.labels ?? {});
}

/** @param pods - those that the budget selects. */
export function budgetStatus(
  budget: PodDisruptionBudget,
  pods: readonly Pod[],
  scaleOf: ScaleOf,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const { metadata, status } = budget;
  const healthy = pods.filter(
    (pod) => isHealthy(pod) && pod.metadata.deletionTimestamp === undefined,
  );
  const wanted = wantedPods(budget, pods, scaleOf);
  const observed = { ...(metadata.generation && { observedGeneration: metadata.generation }) };
  if (typeof wanted === "string") {
    const base = { ...status, ...observed, disruptionsAllowed: 0 };
    return withCondition(
      base,
      budget,
      { status: "False", reason: "SyncFailed", message: wanted },
      nowMs,
    );
  }
  const { expected, desired } = wanted;
  const disruptionsAllowed = expected <= 0 ? 0 : Math.max(0, healthy.length - desired);
  const isAllowed = disruptionsAllowed > 0;
  return withCondition(
    {
      ...(status?.conditions && { conditions: status.conditions }),
      ...observed,
      currentHealthy: healthy.length,
      desiredHealthy: desired,
      expectedPods: expected,
      disruptionsAllowed,
    },
    budget,
    {
      status: isAllowed ? "True" : "False",
      reason: isAllowed ? "SufficientPods" : "InsufficientPods",
      message: "",
    },
    nowMs,
  );
}

/** Whether a pod is Ready. */
export function isHealthy({ status }: Pod): boolean {
  return (
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") ?? false
  );
}

/** How many pods there should be and how many must be healthy; a sentence when nobody can tell. */
function wantedPods(
  { spec }: PodDisruptionBudget,
  pods: readonly Pod[],
  scaleOf: ScaleOf,
): { readonly expected: number; readonly desired: number } | string {
  const { minAvailable, maxUnavailable } = spec;
  if (maxUnavailable === undefined && typeof minAvailable !== "string") {
    return { expected: pods.length, desired: minAvailable ?? 1 };
  }
  const expected = expectedPods(pods, scaleOf);
  if (typeof expected === "string") return expected;
  if (maxUnavailable === undefined) {
    return { expected, desired: resolveIntOrPercent(minAvailable ?? 1, expected, "up") };
  }
  return {
    expected,
    desired: Math.max(0, expected - resolveIntOrPercent(maxUnavailable, expected, "up")),
  };
}

function expectedPods(pods: readonly Pod[], scaleOf: ScaleOf): number | string {
  const scales = new Map<string, number>();
  for (const { metadata } of pods) {
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
    if (owner === undefined) return `found no controller ref for pod "${metadata.name}"`;
    if (scales.has(owner.uid)) continue;
    const scale = scaleOf(metadata.namespace, owner);
    if (scale === undefined) return `found no controllers for pod "${metadata.name}"`;
    scales.set(owner.uid, scale);
  }
  return [...scales.values()].reduce((sum, scale) => sum + scale, 0);
}

function withCondition(
  status: PodDisruptionBudgetStatus,
  { metadata }: PodDisruptionBudget,
  fact: Pick<Condition, "status" | "reason" | "message">,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const known = status.conditions?.find(({ type }) => type === "DisruptionAllowed");
  const isSame = known?.status === fact.status;
  const condition: Condition = {
    type: "DisruptionAllowed",
    ...fact,
    ...(metadata.generation && { observedGeneration: metadata.generation }),
    lastTransitionTime: isSame ? known.lastTransitionTime : toTime(nowMs),
  };
  return { ...status, conditions: [condition] };
}

/**
 * Why a pod may not be evicted; undefined when it may.
 * @param budget - protects the pod; its status is of now.
 */
export function refuseEviction(
  { metadata, spec, status = {} }: PodDisruptionBudget,
  pod: Pod,
): string | undefined {
  const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = status;
  if (!isHealthy(pod)) {
    // What does not work anyway protects nobody, unless too little works already.
    if (spec.unhealthyPodEvictionPolicy === "AlwaysAllow") return undefined;
    if (currentHealthy >= desiredHealthy && desiredHealthy > 0) return undefined;
  }
  if (disruptionsAllowed > 0) return undefined;
  return `The disruption budget ${metadata.name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`;
}

/** Pods that no budget protects: they have ended, are ending, or have not begun. */
export function isOutsideBudgets(pod: Pod): boolean {
  const { phase } = pod.status ?? {};
  return hasEnded(pod) || phase === "Pending" || pod.metadata.deletionTimestamp !== undefined;
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
