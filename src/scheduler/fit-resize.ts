/**
 * Whether a node can give a pod the resources that it is to be resized to. Pure.
 * Source: Kubernetes, "Resize CPU and Memory Resources assigned to Containers", "Pod resize status".
 */
import type { Pod } from "../spec/pod.ts";
import { podRequests } from "../spec/pod-resources.ts";
import { amountsOf, inSteps } from "./admit-to-node.ts";
import type { NodeState } from "./cluster.ts";
import { allocatable, shortages } from "./resource-filter.ts";

export interface ResizeRefusal {
  /** Infeasible: never on this node. Deferred: not while the other pods are there. */
  readonly reason: "Infeasible" | "Deferred";
  readonly message: string;
}

const resized = ["cpu", "memory"];

/** @param pod - with the resources that it wants, and without a status. */
export function refuseResize(pod: Pod, { node, pods }: NodeState): ResizeRefusal | undefined {
  const requests = podRequests(pod);
  for (const resource of resized) {
    const [requested, capacity] = [requests.get(resource) ?? 0n, allocatable(node, resource)];
    if (requested <= capacity) continue;
    const [wanted, had] = [requested, capacity].map((nano) => inSteps(resource, nano));
    const message = `Node didn't have enough capacity: ${resource}, requested: ${wanted}, capacity: ${had}`;
    return { reason: "Infeasible", message };
  }
  const shortage = shortages(pod, node, pods).find(({ resource }) => resized.includes(resource));
  if (shortage === undefined) return undefined;
  return {
    reason: "Deferred",
    message: `Node didn't have enough resource: ${amountsOf(shortage)}`,
  };
}
