/**
 * Filters that look at the node alone: its name, whether it takes pods, its taints and its labels. Pure.
 * Source: Kubernetes, "Assigning Pods to Nodes", "Taints and Tolerations"; the phrases are the scheduler's.
 */
import type { Node, NodeSelectorTerm, Toleration } from "../spec/kubernetes.gen.ts";
import { matchesNode } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import { type Filter, labelOf, lasting, nodeFacts } from "./cluster.ts";
import { isForbidding, tolerates, untolerated } from "./tolerations.ts";

/** The taint that a cordoned node counts as having. */
const unschedulableTaint = {
  key: "node.kubernetes.io/unschedulable",
  effect: "NoSchedule",
} as const;

export const affinityReason = "node(s) didn't match Pod's node affinity/selector";

export const isTakingPods: Filter = ({ spec }, { node }) => {
  if (node.spec?.unschedulable !== true) return undefined;
  const isTolerated = (spec.tolerations ?? []).some((toleration) =>
    tolerates(toleration, unschedulableTaint),
  );
  return isTolerated ? undefined : lasting("node(s) were unschedulable");
};

export const hasItsName: Filter = ({ spec }, { node }) => {
  if (!spec.nodeName || spec.nodeName === node.metadata.name) return undefined;
  return lasting("node(s) didn't match the requested node name");
};

export const areTaintsTolerated: Filter = ({ spec }, { node }) => {
  const taint = firstForbidding(spec.tolerations ?? [], node);
  if (taint === undefined) return undefined;
  return lasting(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`);
};

function firstForbidding(tolerations: readonly Toleration[], { spec }: Node) {
  return untolerated(tolerations, (spec?.taints ?? []).filter(isForbidding));
}

export const isNodeWanted: Filter = (pod, { node }) =>
  matchesNodeWishes(pod, node) ? undefined : lasting(affinityReason);

/** Whether the node fits `nodeSelector` and the required node affinity. */
export function matchesNodeWishes({ spec }: Pod, node: Node): boolean {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const isSelected = Object.entries(spec.nodeSelector ?? {}).every(
    ([key, value]) => labelOf(node, key) === value,
  );
  return isSelected && (required === undefined || matchesNode(required, nodeFacts(node)));
}

/**
 * The only nodes that the pod can be on, when every term of its node affinity names nodes; undefined when it may be
 * anywhere. The scheduler looks at no other ones, and says so in other words.
 */
export function namedNodes({ spec }: Pod): ReadonlySet<string> | undefined {
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const names = required?.nodeSelectorTerms.map(namesOf);
  if (names === undefined || names.length === 0) return undefined;
  const found = new Set<string>();
  for (const each of names) {
    if (each === undefined) return undefined;
    for (const name of each) found.add(name);
  }
  return found;
}

/** Names that one term allows, by all its `metadata.name` fields; undefined without such a field. */
function namesOf({ matchFields = [] }: NodeSelectorTerm): readonly string[] | undefined {
  const lists = matchFields
    .filter(({ key, operator }) => key === "metadata.name" && operator === "In")
    .map(({ values }) => values ?? []);
  const [first, ...others] = lists;
  return first?.filter((name) => others.every((list) => list.includes(name)));
}
