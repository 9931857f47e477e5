/**
 * Where a pod goes: a pure function of the pod and of what stands in the cluster.
 *
 *   filters of every node ─▶ the fitting node with the fewest pods
 *                        └─▶ none: whom would it help to evict? (preemption.ts) ─▶ why not
 *
 * Source: Kubernetes, "Kubernetes Scheduler"; the order of the filters is that of its default plugins, and the first
 * one that refuses a node speaks for it.
 */
import type { Pod } from "../spec/pod.ts";
import {
  type Cluster,
  type Filter,
  lasting,
  type NodeState,
  priorityOf,
  type Refusal,
} from "./cluster.ts";
import { failureMessage, noNodes, withPreemption } from "./failure-message.ts";
import {
  areTaintsTolerated,
  hasItsName,
  isNodeWanted,
  isTakingPods,
  namedNodes,
} from "./node-filters.ts";
import { fitsOtherPods } from "./pod-affinity.ts";
import { hasFreePorts } from "./port-filter.ts";
import { preempt } from "./preemption.ts";
import { hasRoom } from "./resource-filter.ts";
import { keepsSpread } from "./topology-spread.ts";
import { reachesVolumes } from "./volume-filter.ts";

const filters: readonly Filter[] = [
  isTakingPods,
  hasItsName,
  areTaintsTolerated,
  isNodeWanted,
  hasFreePorts,
  hasRoom,
  reachesVolumes,
  keepsSpread,
  fitsOtherPods,
];

export type Placement =
  | { readonly kind: "node"; readonly node: string }
  | {
      readonly kind: "none";
      /** The message of the condition and of the event. */
      readonly message: string;
      /** Where there will be room when the victims are gone. */
      readonly nomination?: { readonly node: string; readonly victims: readonly Pod[] };
    };

/** @param nominated - pods that wait for room on a node that was promised to them. */
export function placePod(pod: Pod, cluster: Cluster, nominated: readonly Pod[] = []): Placement {
  const { nodes } = cluster;
  if (nodes.length === 0) return { kind: "none", message: noNodes };
  const promised = withNominated(pod, cluster, nominated);
  const names = namedNodes(pod);
  const verdicts = promised.nodes.map((state) => {
    const isNamed = names === undefined || names.has(state.node.metadata.name);
    const elsewhere = lasting("node(s) didn't satisfy plugin(s) [NodeAffinity]");
    return { state, refusal: isNamed ? refusalOf(pod, state, promised) : elsewhere };
  });
  const fitting = verdicts.filter(({ refusal }) => refusal === undefined);
  const [best] = fitting.sort((a, b) => a.state.pods.length - b.state.pods.length);
  if (best !== undefined) return { kind: "node", node: best.state.node.metadata.name };
  const refusals = verdicts.flatMap(({ refusal }) => refusal ?? []);
  const message = failureMessage(
    nodes.length,
    refusals.map(({ reasons }) => reasons),
  );
  const { nomination, explanation } = preempt(pod, promised, {
    refusals: new Map(verdicts.map(({ state, refusal }) => [state.node.metadata.name, refusal])),
    refusalOf,
  });
  return {
    kind: "none",
    message: withPreemption(message, explanation),
    ...(nomination !== undefined && { nomination }),
  };
}

/** Why a pod cannot be on a node; undefined when it can. */
export function refusalOf(pod: Pod, state: NodeState, cluster: Cluster): Refusal | undefined {
  for (const filter of filters) {
    const refusal = filter(pod, state, cluster);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** The cluster as if pods of at least this priority were already where room is made for them. */
function withNominated(pod: Pod, cluster: Cluster, nominated: readonly Pod[]): Cluster {
  const coming = nominated.filter(
    (other) =>
      other.metadata.uid !== pod.metadata.uid &&
      other.status?.nominatedNodeName !== undefined &&
      priorityOf(other) >= priorityOf(pod),
  );
  if (coming.length === 0) return cluster;
  const nodes = cluster.nodes.map((state) => {
    const here = coming.filter(
      ({ status }) => status?.nominatedNodeName === state.node.metadata.name,
    );
    return here.length === 0 ? state : { ...state, pods: [...state.pods, ...here] };
  });
  return { ...cluster, nodes };
}
