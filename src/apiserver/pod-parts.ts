/**
 * The parts of a pod that have a path of their own.
 *
 *   status                of a pod of our own node: conditions of readiness gates; the rest is the node's report
 *   ephemeralcontainers   containers are added for a look around
 *   resize                cpu and memory of running containers
 *
 * Source: Kubernetes API reference, core/v1 Pod, "patch status", "patch ephemeralcontainers", "patch resize".
 */
import { validateObject } from "../spec/admit.ts";
import { type FieldIssue, IssueList, type Report } from "../spec/field-issue.ts";
import { firstDifference } from "../spec/first-difference.ts";
import type { Pod, PodCondition } from "../spec/pod.ts";
import { validateEphemeralUpdate } from "../spec/validate-ephemeral-update.ts";
import { validatePodResize } from "../spec/validate-pod-resize.ts";
import type { ObjectPart } from "./object-part.ts";

export const podParts: readonly ObjectPart[] = [
  podPart({
    subresource: "status",
    take: (wish, current) =>
      wish.status === undefined ? current : { ...current, status: wish.status },
    check: checkStatus,
  }),
  podPart({
    subresource: "ephemeralcontainers",
    take({ spec }, current) {
      const { ephemeralContainers: _, ...rest } = current.spec;
      const added = spec.ephemeralContainers;
      return {
        ...current,
        spec: added === undefined ? rest : { ...rest, ephemeralContainers: added },
      };
    },
    check: validateEphemeralUpdate,
  }),
  podPart({
    subresource: "resize",
    take: (wish, current) => ({ ...current, spec: wish.spec }),
    check: validatePodResize,
  }),
];

interface PodPart {
  readonly subresource: string;
  readonly take: (wish: Pod, current: Pod) => Pod;
  readonly check: (next: Pod, current: Pod, report: Report, ownNode: string) => void;
}

/** The routes of these parts are those of the kind Pod. */
function podPart({ subresource, take, check }: PodPart): ObjectPart {
  return {
    subresource,
    take: (wish, current) => take(wish as Pod, current as Pod),
    check(next, current, ownNode): readonly FieldIssue[] {
      const { issues, report } = new IssueList();
      check(next as Pod, current as Pod, report, ownNode);
      return subresource === "status" ? issues : [...validateObject(next), ...issues];
    },
  };
}

/** Our node writes the rest again and again: what somebody else says there would not last. */
function checkStatus(next: Pod, current: Pod, report: Report, ownNode: string): void {
  const { nodeName } = current.spec;
  if (nodeName && nodeName !== ownNode) return;
  const gates = new Set(
    (current.spec.readinessGates ?? []).map(({ conditionType }) => conditionType),
  );
  const others = (conditions: readonly PodCondition[] = []): readonly PodCondition[] =>
    conditions.filter(({ type }) => !gates.has(type));
  const [wanted, known] = [next.status ?? {}, current.status ?? {}];
  const changed = firstDifference(
    { ...known, conditions: others(known.conditions) },
    { ...wanted, conditions: others(wanted.conditions) },
    "status",
  );
  if (changed === undefined) return;
  report(changed, "is written by the node: only conditions of spec.readinessGates can be set");
}
