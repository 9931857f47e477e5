/**
 * What the path `resize` of a pod may change: cpu and memory of containers, and how a change is done.
 * Source: Kubernetes, "Resize CPU and Memory Resources assigned to Containers", "Limitations".
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import { checkImmutable, firstDifference } from "./first-difference.ts";
import type { Container, Pod, ResourceList, ResourceRequirements } from "./pod.ts";
import { podQosClass } from "./pod-qos.ts";

/** Rules of a change of resources; both pods are defaulted and valid by themselves. */
export function validatePodResize(next: Pod, current: Pod, report: Report): void {
  if (current.status?.phase === "Succeeded" || current.status?.phase === "Failed") {
    report("", "pod is in a terminal phase: its resources cannot be resized");
  }
  const changed = firstDifference(fixedPart(current), fixedPart(next), "spec");
  if (changed !== undefined) report(changed, "only cpu and memory resources are mutable");
  if (podQosClass(next) !== podQosClass(current)) {
    report("", "Pod QOS Class may not change as a result of resizing");
  }
  for (const list of ["initContainers", "containers"] as const) {
    for (const [index, container] of (current.spec[list] ?? []).entries()) {
      const wanted = next.spec[list]?.[index]?.resources ?? {};
      const path = childPath(itemPath(`spec.${list}`, index), "resources");
      validateResources(wanted, container.resources ?? {}, path, report);
    }
  }
}

function validateResources(
  wanted: ResourceRequirements,
  known: ResourceRequirements,
  path: string,
  report: Report,
): void {
  for (const field of ["limits", "requests"] as const) {
    const [next = {}, before = {}] = [wanted[field], known[field]];
    const at = childPath(path, field);
    checkImmutable(
      fixedAmounts(next),
      fixedAmounts(before),
      at,
      report,
      "only cpu and memory resources are mutable",
    );
    for (const name of ["cpu", "memory"]) {
      if (before[name] !== undefined && next[name] === undefined) {
        report(childPath(at, name), `resource ${field} cannot be removed`);
      }
    }
  }
}

function fixedAmounts(amounts: ResourceList): object {
  const { cpu, memory, ...fixed } = amounts;
  return fixed;
}

function fixedPart({ spec }: Pod): object {
  const { containers, initContainers, ...rest } = spec;
  return { ...rest, containers: fixed(containers), initContainers: fixedInit(initContainers) };
}

function fixed(containers: readonly Container[] = []): readonly object[] {
  return containers.map(({ resources, ...container }) => container);
}

/** Of the init containers only those that go on (sidecars) can be resized. */
function fixedInit(containers: readonly Container[] = []): readonly object[] {
  return containers.flatMap((container) =>
    container.restartPolicy === "Always" ? fixed([container]) : [container],
  );
}
