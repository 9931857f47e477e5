/**
 * What a node says to a pod that is bound to it, whoever did that: a pod which does not fit becomes Failed. Pure.
 * Source: kubelet pkg/kubelet/lifecycle, "predicates"; Kubernetes, "Assigning Pods to Nodes", nodeName.
 */
import type { Pod } from "../spec/pod.ts";
import type { NodeState } from "./cluster.ts";
import { affinityReason, hasItsName, isNodeWanted } from "./node-filters.ts";
import { hasFreePorts, portsReason } from "./port-filter.ts";
import { type Shortage, shortages } from "./resource-filter.ts";
import { untolerated } from "./tolerations.ts";

export interface NodeRefusal {
  readonly reason: string;
  readonly message: string;
}

/** Why the node does not run the pod; undefined when it does. */
export function refuseOnNode(pod: Pod, state: NodeState): NodeRefusal | undefined {
  const { node, pods } = state;
  const [shortage] = shortages(pod, node, pods);
  if (shortage !== undefined) return outOf(shortage);
  // Neither filter looks at other nodes.
  const alone = { nodes: [state], namespaceLabels: () => ({}) };
  if (hasItsName(pod, state, alone) ?? isNodeWanted(pod, state, alone)) {
    return failed("NodeAffinity", affinityReason);
  }
  if (hasFreePorts(pod, state, alone)) return failed("NodePorts", portsReason);
  const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
  const taint = untolerated(pod.spec.tolerations ?? [], taints);
  if (taint === undefined) return undefined;
  return failed("TaintToleration", `node(s) had taints that the pod didn't tolerate`);
}

function failed(filter: string, why: string): NodeRefusal {
  return { reason: filter, message: `Predicate ${filter} failed: ${why}` };
}

/** Sentence of the kubelet; cpu in thousandths, everything else in units. */
function outOf(shortage: Shortage): NodeRefusal {
  return {
    reason: `OutOf${shortage.resource}`,
    message: `Node didn't have enough resource: ${amountsOf(shortage)}`,
  };
}

/** "cpu, requested: 500, used: 1900, capacity: 2000". */
export function amountsOf({ resource, requested, used, capacity }: Shortage): string {
  const [a, b, c] = [requested, used, capacity].map((nano) => inSteps(resource, nano));
  return `${resource}, requested: ${a}, used: ${b}, capacity: ${c}`;
}

/** Thousandths of a CPU, units of anything else; rounded up. */
export function inSteps(resource: string, nano: bigint): bigint {
  const step = resource === "cpu" ? 1_000_000n : 1_000_000_000n;
  return (nano + step - 1n) / step;
}
