/** What the scheduler looks at: the nodes, the pods that are bound to them, and the labels of namespaces. */
import type { Node } from "../spec/kubernetes.gen.ts";
import type { Labels, NodeFacts } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";

export interface NodeState {
  readonly node: Node;
  /** Those that have not ended; a pod that is being deleted counts until it is gone. */
  readonly pods: readonly Pod[];
}

export interface Cluster {
  readonly nodes: readonly NodeState[];
  readonly namespaceLabels: (namespace: string) => Labels;
  /** Why a node cannot have what the claims of a pod stand for, in a phrase; absent: every node can. */
  readonly volumeConflict?: (pod: Pod, node: Node) => string | undefined;
}

/** Why a pod cannot be on a node. */
export interface Refusal {
  /** Phrases of the scheduler, without a count. */
  readonly reasons: readonly string[];
  /** Nothing that could be taken from the node would help. */
  readonly isLasting: boolean;
}

export type Filter = (pod: Pod, state: NodeState, cluster: Cluster) => Refusal | undefined;

/** A refusal that lasts until the node or the pod changes. */
export function lasting(reason: string): Refusal {
  return { reasons: [reason], isLasting: true };
}

/** A refusal that other pods are the cause of. */
export function passing(...reasons: readonly string[]): Refusal {
  return { reasons, isLasting: false };
}

/**
 * What follows from a pod and the cluster, whichever node is looked at: reckoned once for all nodes.
 * A cluster does not change; one that does is another object.
 */
export function oncePerPod<T>(
  reckon: (pod: Pod, cluster: Cluster) => T,
): (pod: Pod, cluster: Cluster) => T {
  const known = new WeakMap<Cluster, { readonly pod: Pod; readonly result: T }>();
  return (pod, cluster) => {
    const last = known.get(cluster);
    if (last?.pod === pod) return last.result;
    const result = reckon(pod, cluster);
    known.set(cluster, { pod, result });
    return result;
  };
}

export function nodeFacts({ metadata }: Node): NodeFacts {
  return { name: metadata.name, labels: metadata.labels ?? {} };
}

/** Value of a label of a node; undefined without it. */
export function labelOf({ metadata }: Node, key: string): string | undefined {
  const labels = metadata.labels ?? {};
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

export function priorityOf({ spec }: Pod): number {
  return spec.priority ?? 0;
}

/** Whether the pod has ended: it occupies nothing any more. */
export function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
