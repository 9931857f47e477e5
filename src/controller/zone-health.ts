/**
 * How fast pods may be evicted from nodes that are not ready. Many silent nodes at once are rather a broken network, or
 * a control plane that is cut off, than dead machines. Pure.
 *
 *   all zones without a ready node        nobody is evicted, and who is to go may stay
 *   a zone with three or more unready
 *   nodes, 55 % of it or more             large: at the secondary rate · small: nobody
 *   otherwise                             at the rate, node by node
 *
 * Source: Kubernetes, "Nodes", "Rate limits on eviction"; defaults of kube-controller-manager.
 */
import type { Node, NodeCondition } from "../spec/kubernetes.gen.ts";

export interface EvictionRates {
  /** Nodes of a zone per second whose pods may begin to go. */
  readonly perSecond: number;
  /** The same in a large zone of which too much is unready. */
  readonly secondaryPerSecond: number;
  /** Share of unready nodes from which on a zone is unhealthy, 0..1. */
  readonly unhealthyShare: number;
  /** Zones with more nodes are large. */
  readonly largeZone: number;
}

export const defaultEvictionRates: EvictionRates = {
  perSecond: 0.1,
  secondaryPerSecond: 0.01,
  unhealthyShare: 0.55,
  largeZone: 50,
};

/** So few unready nodes make no zone unhealthy. */
const mostUnready = 2;

/** Region and zone of a node; "/" for nodes that name neither. */
export function zoneOf({ metadata: { labels = {} } }: Node): string {
  const [region = "", zone = ""] = ["region", "zone"].map(
    (word) => labels[`topology.kubernetes.io/${word}`],
  );
  return `${region}/${zone}`;
}

/**
 * Nodes of the zone per second whose pods may begin to go; 0: of no further node for now.
 * @param nodes - all of the cluster.
 * @returns undefined when no node of the cluster is ready: nobody is to go.
 */
export function evictionsPerSecond(
  zone: string,
  nodes: readonly Node[],
  rates: EvictionRates,
): number | undefined {
  if (!nodes.some(isNodeReady)) return undefined;
  const own = nodes.filter((node) => zoneOf(node) === zone);
  const unready = own.filter((node) => !isNodeReady(node)).length;
  const isWhole = unready === own.length;
  const isHealthy = unready <= mostUnready || unready / own.length < rates.unhealthyShare;
  if (isWhole || isHealthy) return rates.perSecond;
  return own.length > rates.largeZone ? rates.secondaryPerSecond : 0;
}

export function readyCondition({ status }: Node): NodeCondition | undefined {
  return status?.conditions?.find(({ type }) => type === "Ready");
}

export function isNodeReady(node: Node): boolean {
  return readyCondition(node)?.status === "True";
}
