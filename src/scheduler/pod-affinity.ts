/**
 * Pods that want to be near other pods, or far from them: near means a node with the same value of a label. Pure.
 *
 * Terms of a list must all hold. Affinity to oneself is fulfilled when no pod of the cluster matches, so that the first
 * pod of a group can begin. Source: Kubernetes, "Inter-pod affinity and anti-affinity".
 */
import type { LabelSelector, Node, PodAffinityTerm } from "../spec/kubernetes.gen.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import {
  type Cluster,
  type Filter,
  labelOf,
  lasting,
  type NodeState,
  oncePerPod,
  passing,
} from "./cluster.ts";

export const fitsOtherPods: Filter = (pod, { node }, cluster) => {
  if (isKeptAway(pod, node, cluster)) {
    return passing("node(s) didn't satisfy existing pods anti-affinity rules");
  }
  if (!isNearOthers(pod, node, cluster)) return lasting("node(s) didn't match pod affinity rules");
  return isTooNear(pod, node, cluster)
    ? passing("node(s) didn't match pod anti-affinity rules")
    : undefined;
};

/** Required terms of a pod. */
function termsOf(
  { spec }: Pod,
  kind: "podAffinity" | "podAntiAffinity",
): readonly PodAffinityTerm[] {
  return spec.affinity?.[kind]?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

interface Domain {
  readonly key: string;
  /** A node of it. */
  readonly node: Node;
}

/** A pod that is there wants this one away. */
function isKeptAway(pod: Pod, node: Node, cluster: Cluster): boolean {
  return forbidden(pod, cluster).some((domain) => isSameDomain(domain.key, node, domain.node));
}

/** Where pods that are there do not want this one. */
const forbidden = oncePerPod((pod, cluster): readonly Domain[] =>
  cluster.nodes.flatMap((state) => {
    const wary = othersOn(waryOn(state), pod);
    return wary.flatMap((other) =>
      termsOf(other, "podAntiAffinity").flatMap((term) =>
        matches(term, other, pod, cluster) ? [{ key: term.topologyKey, node: state.node }] : [],
      ),
    );
  }),
);

const wary = new WeakMap<NodeState, NodeState>();

/** The node with those of its pods that want others away. */
function waryOn(state: NodeState): NodeState {
  const known = wary.get(state);
  if (known !== undefined) return known;
  const pods = state.pods.filter((pod) => termsOf(pod, "podAntiAffinity").length > 0);
  const found = { ...state, pods };
  wary.set(state, found);
  return found;
}

function isTooNear(pod: Pod, node: Node, cluster: Cluster): boolean {
  return avoided(pod, cluster).some((domain) => isSameDomain(domain.key, node, domain.node));
}

/** Where pods are that this one does not want to be near to. */
const avoided = oncePerPod((pod, cluster): readonly Domain[] =>
  termsOf(pod, "podAntiAffinity").flatMap((term) =>
    cluster.nodes
      .filter((state) => othersOn(state, pod).some((other) => matches(term, pod, other, cluster)))
      .map(({ node }) => ({ key: term.topologyKey, node })),
  ),
);

function isNearOthers(pod: Pod, node: Node, cluster: Cluster): boolean {
  const terms = termsOf(pod, "podAffinity");
  if (terms.length === 0) return true;
  if (terms.some(({ topologyKey }) => labelOf(node, topologyKey) === undefined)) return false;
  const hosts = wanted(pod, cluster);
  if (hosts.length === 0) return isWanted(pod, pod, cluster);
  return terms.every(({ topologyKey }) =>
    hosts.some((host) => isSameDomain(topologyKey, node, host)),
  );
}

/** Nodes with a pod that this one wants to be near to. */
const wanted = oncePerPod((pod, cluster): readonly Node[] =>
  cluster.nodes
    .filter((state) => othersOn(state, pod).some((other) => isWanted(pod, other, cluster)))
    .map(({ node }) => node),
);

function isWanted(pod: Pod, other: Pod, cluster: Cluster): boolean {
  return termsOf(pod, "podAffinity").every((term) => matches(term, pod, other, cluster));
}

function othersOn({ pods }: NodeState, { metadata }: Pod): readonly Pod[] {
  return pods.filter((other) => other.metadata.uid !== metadata.uid);
}

function isSameDomain(key: string, one: Node, other: Node): boolean {
  const value = labelOf(one, key);
  return value !== undefined && value === labelOf(other, key);
}

/** Whether a term of `owner` means `other`. */
function matches(term: PodAffinityTerm, owner: Pod, other: Pod, cluster: Cluster): boolean {
  const { namespaces = [], namespaceSelector } = term;
  const { namespace } = other.metadata;
  const isOwn = namespaces.length === 0 && namespaceSelector === undefined;
  const isInScope =
    (isOwn && namespace === owner.metadata.namespace) ||
    namespaces.includes(namespace) ||
    (namespaceSelector !== undefined &&
      matchesLabels(namespaceSelector, cluster.namespaceLabels(namespace)));
  if (!isInScope || term.labelSelector === undefined) return false;
  const selector = withKeys(term.labelSelector, owner, term);
  return matchesLabels(selector, other.metadata.labels ?? {});
}

/** The selector with what the pod's own labels say under these keys; a key that the pod lacks asks for nothing. */
export function withKeys(
  selector: LabelSelector,
  { metadata }: Pod,
  keys: Pick<PodAffinityTerm, "matchLabelKeys" | "mismatchLabelKeys">,
): LabelSelector {
  const labels = metadata.labels ?? {};
  const added = (names: readonly string[] = [], operator: "In" | "NotIn") =>
    names.flatMap((key) => {
      const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
      return value === undefined ? [] : [{ key, operator, values: [value] }];
    });
  return {
    ...selector,
    matchExpressions: [
      ...(selector.matchExpressions ?? []),
      ...added(keys.matchLabelKeys, "In"),
      ...added(keys.mismatchLabelKeys, "NotIn"),
    ],
  };
}
