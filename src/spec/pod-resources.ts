/**
 * What a pod asks for and may use as a whole. Pure; amounts are billionths of a unit, as in `Quantity.nano`.
 *
 * App containers and sidecars add up; an init container runs alone with the sidecars that were started before it,
 * so the pod needs the largest of these sums. What `spec.resources` says of a resource stands in place of the sum,
 * and overhead comes on top. Source: Kubernetes, "Resource Management for Pods and Containers", "Sidecar Containers",
 * "Pod Overhead", KEP-2837.
 */
import type { Container, Pod, PodSpec, ResourceList } from "./pod.ts";
import { parseQuantity } from "./quantity.ts";

export type Amounts = ReadonlyMap<string, bigint>;
type Side = "limits" | "requests";

/** Requests of the pod by resource. */
export function podRequests(pod: Pod): Amounts {
  return withOverhead(pod, withPodLevel(pod, "requests", containerSums(pod, "requests")), false);
}

/** Limits of the pod by resource; a container without one adds nothing to the sum. */
export function podLimits(pod: Pod): Amounts {
  return withOverhead(pod, withPodLevel(pod, "limits", containerSums(pod, "limits")), true);
}

/** Whether the pod as a whole is limited: by itself, or because every container is. */
export function isLimited({ spec }: Pod, resource: string): boolean {
  if (isAboveZero(spec.resources?.limits, resource)) return true;
  return [...(spec.initContainers ?? []), ...spec.containers].every(({ resources }) =>
    isAboveZero(resources?.limits, resource),
  );
}

function isAboveZero(list: ResourceList | undefined, resource: string): boolean {
  const text = list?.[resource];
  return text !== undefined && parseQuantity(text).nano > 0n;
}

/** An init container that keeps running beside the app containers. */
export function isSidecar(container: Pick<Container, "restartPolicy">): boolean {
  return container.restartPolicy === "Always";
}

/** What the containers ask for together, without `spec.resources`. */
export function containerSums(
  { spec }: { readonly spec: Pick<PodSpec, "containers" | "initContainers"> },
  side: Side,
): Amounts {
  const running = new Map<string, bigint>();
  const most = new Map<string, bigint>();
  for (const container of spec.initContainers ?? []) {
    const own = amounts(container.resources?.[side]);
    if (isSidecar(container)) add(running, own);
    // Alone, but beside the sidecars that were started before it.
    const together = isSidecar(container) ? running : add(new Map(running), own);
    raise(most, together);
  }
  for (const { resources } of spec.containers) add(running, amounts(resources?.[side]));
  return raise(most, running);
}

function withPodLevel({ spec }: Pod, side: Side, sums: Amounts): Map<string, bigint> {
  return new Map([...sums, ...amounts(spec.resources?.[side])]);
}

/** Overhead raises a limit that is there and makes none. */
function withOverhead(pod: Pod, sums: Map<string, bigint>, isLimit: boolean): Amounts {
  const overhead = [...amounts(pod.spec.overhead)];
  return add(sums, new Map(overhead.filter(([name]) => !isLimit || sums.has(name))));
}

function amounts(list: ResourceList | undefined): Map<string, bigint> {
  return new Map(
    Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text).nano]),
  );
}

function add(sum: Map<string, bigint>, more: Amounts): Map<string, bigint> {
  for (const [name, nano] of more) sum.set(name, (sum.get(name) ?? 0n) + nano);
  return sum;
}

function raise(most: Map<string, bigint>, other: Amounts): Map<string, bigint> {
  for (const [name, nano] of other) {
    const before = most.get(name);
    if (before === undefined || nano > before) most.set(name, nano);
  }
  return most;
}
