/**
 * Whether a node has what a pod requests: cpu, memory, storage, huge pages, devices, and room for one more pod. Pure.
 * Amounts are billionths of a unit, as in `Quantity.nano`. Source: Kubernetes, "How Pods with resource requests are
 * scheduled", "Resize CPU and Memory Resources assigned to Containers".
 */
import type { Node } from "../spec/kubernetes.gen.ts";
import type { Container, ContainerStatus, Pod, ResourceList } from "../spec/pod.ts";
import { type Amounts, podRequests } from "../spec/pod-resources.ts";
import { parseQuantity } from "../spec/quantity.ts";
import type { Filter } from "./cluster.ts";

const nanoPerUnit = 1_000_000_000n;
const none: Amounts = new Map();

export const hasRoom: Filter = (pod, { node, pods }) => {
  const reasons = shortages(pod, node, pods);
  if (reasons.length === 0) return undefined;
  return {
    reasons: reasons.map(({ reason }) => reason),
    isLasting: reasons.some((shortage) => shortage.isLasting),
  };
};

export interface Shortage {
  /** "Insufficient cpu". */
  readonly reason: string;
  /** "pods" for the number of pods. */
  readonly resource: string;
  readonly requested: bigint;
  readonly used: bigint;
  readonly capacity: bigint;
  /** More than the node has altogether. */
  readonly isLasting: boolean;
}

/** Everything that the pod needs and the node has not free, beside these pods. */
export function shortages(pod: Pod, node: Node, pods: readonly Pod[]): readonly Shortage[] {
  const found: Shortage[] = [];
  const capacity = (resource: string): bigint => allocatable(node, resource);
  // A pod that waits is on no node.
  const others = pod.spec.nodeName
    ? pods.filter(({ metadata }) => metadata.uid !== pod.metadata.uid)
    : pods;
  const room = capacity("pods");
  const count = BigInt(others.length) * nanoPerUnit;
  if (count + nanoPerUnit > room) {
    const [requested, isLasting] = [nanoPerUnit, room < nanoPerUnit];
    const resource = "pods";
    found.push({
      reason: "Too many pods",
      resource,
      requested,
      used: count,
      capacity: room,
      isLasting,
    });
  }
  for (const [resource, requested] of requestsOf(pod)) {
    if (requested === 0n) continue;
    const used = usageOf(others).get(resource) ?? 0n;
    const all = capacity(resource);
    if (used + requested <= all) continue;
    const [reason, isLasting] = [`Insufficient ${resource}`, requested > all];
    found.push({ reason, resource, requested, used, capacity: all, isLasting });
  }
  return found;
}

/** What a node can give of a resource; nothing of one that it does not name. */
export function allocatable(node: Node, resource: string): bigint {
  return capacitiesOf(node).get(resource) ?? 0n;
}

const capacities = new WeakMap<Node, Amounts>();

function capacitiesOf(node: Node): Amounts {
  const before = capacities.get(node);
  if (before !== undefined) return before;
  const all = Object.entries(node.status?.allocatable ?? {});
  const amounts = new Map(all.map(([resource, text]) => [resource, parseQuantity(text).nano]));
  capacities.set(node, amounts);
  return amounts;
}

const usages = new WeakMap<readonly Pod[], Amounts>();

/** What pods occupy together, by resource. The list does not change; what does is another list. */
function usageOf(pods: readonly Pod[]): Amounts {
  const before = usages.get(pods);
  if (before !== undefined) return before;
  const amounts = new Map<string, bigint>();
  for (const pod of pods) {
    for (const [resource, amount] of requestsOf(pod)) {
      amounts.set(resource, (amounts.get(resource) ?? 0n) + amount);
    }
  }
  usages.set(pods, amounts);
  return amounts;
}

const known = new WeakMap<Pod, Amounts>();

/** What a pod occupies, by resource: while it is resized the larger of what it has and what it wants. */
export function requestsOf(pod: Pod): Amounts {
  const before = known.get(pod);
  if (before !== undefined) return before;
  const amounts = podRequests(withAllocated(pod)) ?? none;
  known.set(pod, amounts);
  return amounts;
}

/** The pod with requests as they are set aside for it. */
function withAllocated(pod: Pod): Pod {
  const { spec, status } = pod;
  const isRefused = status?.conditions?.some(
    ({ type, reason }) => type === "PodResizePending" && reason === "Infeasible",
  );
  const hold = (
    containers: readonly Container[],
    statuses: readonly ContainerStatus[] = [],
  ): readonly Container[] =>
    containers.map((container) => {
      const held = statuses.find(({ name }) => name === container.name)?.allocatedResources;
      if (held === undefined) return container;
      const wanted = container.resources?.requests ?? {};
      const requests = isRefused ? held : larger(held, wanted);
      return { ...container, resources: { ...container.resources, requests } };
    });
  if (status?.containerStatuses === undefined) return pod;
  const { containers, initContainers } = spec;
  return {
    ...pod,
    spec: {
      ...spec,
      containers: hold(containers, status.containerStatuses),
      ...(initContainers && { initContainers: hold(initContainers, status.initContainerStatuses) }),
    },
  };
}

function larger(one: ResourceList, other: ResourceList): ResourceList {
  const names = new Set([...Object.keys(one), ...Object.keys(other)]);
  return Object.fromEntries(
    [...names].map((name) => {
      const [a = "0", b = "0"] = [one[name], other[name]];
      return [name, parseQuantity(a).nano >= parseQuantity(b).nano ? a : b];
    }),
  );
}
