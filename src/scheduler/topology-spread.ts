/**
 * Topology spread: in no domain more than `maxSkew` matching pods above the domain with the fewest. Pure.
 * Source: Kubernetes, "Pod Topology Spread Constraints". Of ScheduleAnyway nothing is required.
 */
import type { Node, TopologySpreadConstraint } from "../spec/kubernetes.gen.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import { type Filter, labelOf, lasting, oncePerPod, passing } from "./cluster.ts";
import { matchesNodeWishes } from "./node-filters.ts";
import { withKeys } from "./pod-affinity.ts";
import { isForbidding, untolerated } from "./tolerations.ts";

const reason = "node(s) didn't match pod topology spread constraints";

export const keepsSpread: Filter = (pod, { node }, cluster) => {
  const constraints = requiredOf(pod);
  if (constraints.length === 0) return undefined;
  if (constraints.some(({ topologyKey }) => labelOf(node, topologyKey) === undefined)) {
    return lasting(`${reason} (missing required label)`);
  }
  const isKept = spreads(pod, cluster).every((spread) => isEven(spread, pod, node));
  return isKept ? undefined : passing(reason);
};

function requiredOf({ spec }: Pod): readonly TopologySpreadConstraint[] {
  const { topologySpreadConstraints = [] } = spec;
  return topologySpreadConstraints.filter(
    ({ whenUnsatisfiable }) => whenUnsatisfiable === "DoNotSchedule",
  );
}

/** A constraint, and how many pods that it counts are in each domain. */
interface Spread {
  readonly constraint: TopologySpreadConstraint;
  readonly counts: ReadonlyMap<string, number>;
}

const spreads = oncePerPod((pod, cluster): readonly Spread[] => {
  const constraints = requiredOf(pod);
  const keys = constraints.map(({ topologyKey }) => topologyKey);
  return constraints.map((constraint) => {
    const counts = new Map<string, number>();
    for (const { node, pods } of cluster.nodes) {
      const domain = labelOf(node, constraint.topologyKey);
      // A domain counts when the node could take the pod and knows all the keys.
      const isCounted = keys.every((key) => labelOf(node, key) !== undefined);
      if (domain === undefined || !isCounted || !isEligible(constraint, pod, node)) continue;
      const matching = pods.filter((other) => isAlike(constraint, pod, other)).length;
      counts.set(domain, (counts.get(domain) ?? 0) + matching);
    }
    return { constraint, counts };
  });
});

function isEven({ constraint, counts }: Spread, pod: Pod, node: Node): boolean {
  const { minDomains = 1, maxSkew } = constraint;
  const least = counts.size < minDomains ? 0 : Math.min(...counts.values());
  const here = counts.get(labelOf(node, constraint.topologyKey) ?? "") ?? 0;
  const own = isAlike(constraint, pod, pod) ? 1 : 0;
  return here + own - (Number.isFinite(least) ? least : 0) <= maxSkew;
}

function isEligible(
  { nodeAffinityPolicy = "Honor", nodeTaintsPolicy = "Ignore" }: TopologySpreadConstraint,
  pod: Pod,
  node: Node,
): boolean {
  if (nodeAffinityPolicy === "Honor" && !matchesNodeWishes(pod, node)) return false;
  if (nodeTaintsPolicy === "Ignore") return true;
  const taints = (node.spec?.taints ?? []).filter(isForbidding);
  return untolerated(pod.spec.tolerations ?? [], taints) === undefined;
}

/** Pods that are being deleted make room already. Without a selector nothing is alike. */
function isAlike(constraint: TopologySpreadConstraint, pod: Pod, other: Pod): boolean {
  const { labelSelector } = constraint;
  if (labelSelector === undefined || other.metadata.namespace !== pod.metadata.namespace) {
    return false;
  }
  if (other.metadata.deletionTimestamp !== undefined) return false;
  return matchesLabels(withKeys(labelSelector, pod, constraint), other.metadata.labels ?? {});
}
