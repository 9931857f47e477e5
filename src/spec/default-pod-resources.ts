/**
 * Kubernetes' defaults for `spec.resources`: a request that is missing beside a limit is what the containers ask for
 * together, or the limit when they ask for nothing.
 * Source: Kubernetes, "Assign Pod-level CPU and memory resources"; KEP-2837.
 */
import type { PodSpec, ResourceRequirements } from "./pod.ts";
import { containerSums } from "./pod-resources.ts";
import { canonicalQuantity, formatQuantity, parseQuantity } from "./quantity.ts";

/** The pod's own resources with their defaults; undefined when it has none. */
export function defaultPodResources(
  spec: PodSpec,
  containers: Pick<PodSpec, "containers" | "initContainers">,
): ResourceRequirements | undefined {
  const { resources } = spec;
  if (resources === undefined) return undefined;
  const { limits, requests } = resources;
  if (limits === undefined && requests === undefined) return resources;
  const sums = containerSums({ spec: containers }, "requests");
  const filled: Record<string, string> = { ...requests };
  for (const [name, limit] of Object.entries(limits ?? {})) {
    if (filled[name] !== undefined) continue;
    const sum = sums.get(name) ?? 0n;
    const { nano, format } = parseQuantity(limit);
    // Huge pages are not shared out: what may be used is set aside.
    const isSum = sum > 0n && !name.startsWith("hugepages-");
    filled[name] = formatQuantity({ nano: isSum ? sum : nano, format });
  }
  const canonical = (list: Readonly<Record<string, string>>): Record<string, string> =>
    Object.fromEntries(Object.entries(list).map(([name, text]) => [name, canonicalQuantity(text)]));
  return {
    ...resources,
    ...(limits === undefined ? {} : { limits: canonical(limits) }),
    requests: canonical(filled),
  };
}
