/**
 * Conditions in the status of a pod. Pure. Source: Kubernetes, "Pod Lifecycle", pod conditions: the time of the last
 * transition changes when the status does, and with nothing else; "Disruptions", pod disruption conditions.
 */
import { toTime } from "../base/clock.ts";
import type { Pod, PodCondition } from "./pod.ts";

export function podCondition({ status }: Pod, type: string): PodCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

/**
 * The pod with this condition in the place of the one of its type; the same pod when that says the same.
 * @param condition - with the time at which it begins to be so.
 */
export function withPodCondition(pod: Pod, condition: PodCondition): Pod {
  const known = podCondition(pod, condition.type);
  const lasts = known?.status === condition.status && known.lastTransitionTime !== undefined;
  const next = lasts
    ? { ...condition, lastTransitionTime: known.lastTransitionTime }
    : { ...condition };
  if (known !== undefined && isSame(known, next)) return pod;
  const { conditions = [] } = pod.status ?? {};
  const replaced = conditions.map((each) => (each === known ? next : each));
  const all = known === undefined ? [...conditions, next] : replaced;
  return { ...pod, status: { ...pod.status, conditions: all } };
}

/** Says of a pod that it is about to end, and why, so that those who made it can tell that from a failure of its own. */
export function disruptionTarget(reason: string, message: string, nowMs: number): PodCondition {
  const lastTransitionTime = toTime(nowMs);
  return { type: "DisruptionTarget", status: "True", lastTransitionTime, reason, message };
}

function isSame(one: PodCondition, other: PodCondition): boolean {
  return (
    one.status === other.status &&
    one.reason === other.reason &&
    one.message === other.message &&
    one.observedGeneration === other.observedGeneration &&
    one.lastTransitionTime === other.lastTransitionTime &&
    one.lastProbeTime === other.lastProbeTime
  );
}
