/**
 * Rules for `spec.resources`, which limits the containers of a pod together.
 * Source: Kubernetes, "Assign Pod-level CPU and memory resources"; KEP-2837.
 */
import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { PodSpec } from "./pod.ts";
import { containerSums } from "./pod-resources.ts";
import { formatQuantity, parseQuantity } from "./quantity.ts";
import { quote } from "./quote.ts";
import { validateResources } from "./validate-resources.ts";

const PATH = "spec.resources";

/** Checks `spec.resources` and what the containers ask for beside it. */
export function validatePodResources(spec: PodSpec, report: Report): void {
  const { resources } = spec;
  if (resources === undefined) return;
  validateResources(resources, PATH, report);
  for (const side of ["limits", "requests"] as const) {
    for (const name of Object.keys(resources[side] ?? {})) {
      const isOfPods = name === "cpu" || name === "memory" || name.startsWith("hugepages-");
      if (isOfPods || (side === "requests" && name in (resources.limits ?? {}))) continue;
      const at = childPath(`${PATH}.${side}`, name);
      report(at, "must be cpu, memory or huge pages: others are for containers only", "key");
    }
  }
  validateSums(spec, report);
  validateContainerLimits(spec, report);
}

function validateSums(spec: PodSpec, report: Report): void {
  const sums = containerSums({ spec }, "requests");
  for (const [name, text] of Object.entries(spec.resources?.requests ?? {})) {
    const sum = sums.get(name) ?? 0n;
    const { nano, format } = parseQuantity(text);
    if (nano >= sum) continue;
    const together = quote(formatQuantity({ nano: sum, format }));
    report(
      childPath(`${PATH}.requests`, name),
      `must be at least what the containers request together, ${together}: got ${quote(text)}`,
    );
  }
}

function validateContainerLimits(spec: PodSpec, report: Report): void {
  for (const list of ["initContainers", "containers"] as const) {
    for (const [index, { resources }] of (spec[list] ?? []).entries()) {
      for (const [name, limit] of Object.entries(resources?.limits ?? {})) {
        const ofPod = spec.resources?.limits?.[name];
        if (ofPod === undefined || parseQuantity(limit).nano <= parseQuantity(ofPod).nano) continue;
        const at = `${itemPath(`spec.${list}`, index)}.resources.limits`;
        report(
          childPath(at, name),
          `must be at most the limit of the pod ${quote(ofPod)}: got ${quote(limit)}`,
        );
      }
    }
  }
}
