/**
 * What may change in a pod that exists. Each path of the API allows its part: the pod itself, `ephemeralcontainers`,
 * `resize`. Everything else stays as it was when the pod was created.
 * Source: Kubernetes, "Pod update and replacement", "Ephemeral Containers", "Resize CPU and Memory Resources".
 */

import type { Report } from "./field-issue.ts";
import { firstDifference } from "./first-difference.ts";
import type { Toleration } from "./kubernetes.gen.ts";
import type { Container, Pod, PodSpec } from "./pod.ts";

const ALLOWED =
  "pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing tolerations), `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** Rules of a change of the pod itself. */
export function validatePodUpdate(next: Pod, current: Pod, report: Report): void {
  const [wanted, known] = [next.spec, current.spec];
  const changed = firstDifference(fixedPart(known, known), fixedPart(wanted, known), "spec");
  if (changed !== undefined) {
    report(changed, `${ALLOWED}: delete the pod and create it anew`);
  }
  validateDeadline(wanted.activeDeadlineSeconds, known.activeDeadlineSeconds, report);
  const kept = wanted.tolerations ?? [];
  for (const toleration of known.tolerations ?? []) {
    const isKept = kept.some((other) => isSameToleration(toleration, other));
    if (!isKept)
      report(
        "spec.tolerations",
        "existing toleration can not be modified except its tolerationSeconds",
      );
  }
  validateGates(wanted, known, report);
}

function isSameToleration(one: Toleration, other: Toleration): boolean {
  return (["key", "operator", "value", "effect"] as const).every(
    (field) => one[field] === other[field],
  );
}

/** A deadline may be set, and shortened. */
function validateDeadline(
  wanted: number | undefined,
  known: number | undefined,
  report: Report,
): void {
  if (known === undefined || wanted === known) return;
  const path = "spec.activeDeadlineSeconds";
  if (wanted === undefined) {
    report(path, `must not update from a positive integer to nil value: was ${known}`);
  } else if (wanted > known) {
    report(path, `must be less than or equal to previous value: got ${wanted}, was ${known}`);
  }
}

function validateGates(wanted: PodSpec, known: PodSpec, report: Report): void {
  const before = new Set((known.schedulingGates ?? []).map(({ name }) => name));
  for (const { name } of wanted.schedulingGates ?? []) {
    if (!before.has(name)) {
      report(
        "spec.schedulingGates",
        `only deletion is allowed, but found new scheduling gate "${name}"`,
      );
    }
  }
}

/** The spec without what may change; a change of the grace period from a negative one to 1 is taken back. */
function fixedPart(spec: PodSpec, known: PodSpec): object {
  const { activeDeadlineSeconds, tolerations, schedulingGates, ...rest } = spec;
  const grace = spec.terminationGracePeriodSeconds;
  const wasNegative = (known.terminationGracePeriodSeconds ?? 0) < 0;
  return {
    ...rest,
    ...(wasNegative &&
      grace === 1 && {
        terminationGracePeriodSeconds: known.terminationGracePeriodSeconds,
      }),
    // A gated pod is not placed yet: what would place it may be narrowed.
    ...((known.schedulingGates ?? []).length > 0 && { nodeSelector: {}, affinity: {} }),
    containers: withoutImages(spec.containers),
    initContainers: withoutImages(spec.initContainers),
  };
}

function withoutImages(containers: readonly Container[] = []): readonly object[] {
  return containers.map(({ image, ...container }) => container);
}
