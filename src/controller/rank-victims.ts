/**
 * Which pods go first when there are too many. Pure. Source: Kubernetes, "ReplicaSet", "Scaling a ReplicaSet", in
 * this order: without a node · Pending before Unknown before Running · not ready · lower
 * controller.kubernetes.io/pod-deletion-cost · ready for a shorter time · more restarts · newer.
 */
import type { Pod } from "../spec/pod.ts";
import { isReady } from "./pod-readiness.ts";

const costAnnotation = "controller.kubernetes.io/pod-deletion-cost";

/** The pods, those that go first in front. */
export function rankVictims(pods: readonly Pod[]): readonly Pod[] {
  return [...pods].sort(
    (a, b) =>
      Number(!!a.spec.nodeName) - Number(!!b.spec.nodeName) ||
      phaseRank(a) - phaseRank(b) ||
      Number(isReady(a)) - Number(isReady(b)) ||
      deletionCost(a) - deletionCost(b) ||
      readySinceMs(b) - readySinceMs(a) ||
      restarts(b) - restarts(a) ||
      createdMs(b) - createdMs(a),
  );
}

function phaseRank({ status }: Pod): number {
  const rank = ["Pending", "Unknown", "Running"].indexOf(status?.phase ?? "Pending");
  return rank === -1 ? 1 : rank;
}

/** An annotation that is no number counts as 0. */
function deletionCost({ metadata }: Pod): number {
  const text = metadata.annotations?.[costAnnotation] ?? "0";
  return /^(?:0|-?[1-9]\d{0,9})$/.test(text) ? Number(text) : 0;
}

function readySinceMs(pod: Pod): number {
  if (!isReady(pod)) return 0;
  const ready = pod.status?.conditions?.find(({ type }) => type === "Ready");
  return Date.parse(ready?.lastTransitionTime ?? "") || 0;
}

function restarts({ status }: Pod): number {
  const counts = (status?.containerStatuses ?? []).map(({ restartCount }) => restartCount);
  return Math.max(0, ...counts);
}

function createdMs({ metadata }: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? "") || 0;
}
