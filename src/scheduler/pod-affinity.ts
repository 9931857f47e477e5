/**
 * Pods that want to be near other pods, or far from them: near means a node with the same value of a label. Pure.
 *
 * Terms of a list must all hold. Affinity to oneself is fulfilled when no pod of the cluster matches, so that the first
 * pod of a group can begin. Source: Kubernetes, "Inter-pod affinity and anti-affinity".
 */
import type { LabelSelector, Node, PodAffinityTerm } from "../spec/kubernetes.gen.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import { type Cluster, type Filter, labelOf, lasting, type NodeState, passing } from "./cluster.ts";

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

/** A pod that is there wants this one away. */
function isKeptAway(pod: Pod, node: Node, cluster: Cluster): boolean {
  return cluster.nodes.some((state) =>
    othersOn(state, pod).some((other) =>
      termsOf(other, "podAntiAffinity").some(
        (term) =>
          isSameDomain(term.topologyKey, node, state.node) && matches(term, other, pod, cluster),
      ),
    ),
  );
}

function isTooNear(pod: Pod, node: Node, cluster: Cluster): boolean {
  return termsOf(pod, "podAntiAffinity").some((term) =>
    cluster.nodes.some(
      (state) =>
        isSameDomain(term.topologyKey, node, state.node) &&
        othersOn(state, pod).some((other) => matches(term, pod, other, cluster)),
    ),
  );
}

function isNearOthers(pod: Pod, node: Node, cluster: Cluster): boolean {
  const terms = termsOf(pod, "podAffinity");
  if (terms.length === 0) return true;
  if (terms.some(({ topologyKey }) => labelOf(node, topologyKey) === undefined)) return false;
  const matchesAll = (other: Pod): boolean =>
    terms.every((term) => matches(term, pod, other, cluster));
  const hosts = cluster.nodes.filter((state) => othersOn(state, pod).some(matchesAll));
  if (hosts.length === 0) return matchesAll(pod);
  return terms.every(({ topologyKey }) =>
    hosts.some((state) => isSameDomain(topologyKey, node, state.node)),
  );
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
