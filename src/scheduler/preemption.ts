/**
 * Preemption: which pods of lower priority would have to go so that a pod fits. Pure.
 *
 * All of lower priority are taken away in thought; then as many as possible are given back, the most important first.
 * Of several nodes the one whose most important victim matters least is taken, then the one with the fewest.
 * Source: Kubernetes, "Pod Priority and Preemption"; the phrases are the scheduler's.
 */
import type { Pod } from "../spec/pod.ts";
import { type Cluster, type NodeState, priorityOf, type Refusal } from "./cluster.ts";
import { failureMessage } from "./failure-message.ts";

const notHelpful = "Preemption is not helpful for scheduling";
const noVictims = "No preemption victims found for incoming pod";

export interface Nomination {
  readonly node: string;
  readonly victims: readonly Pod[];
}

export interface Preemption {
  /** Without victims: the pod waits for those that are leaving already. */
  readonly nomination?: Nomination;
  /** Why nobody is evicted; "" when somebody is. */
  readonly explanation: string;
}

type RefusalOf = (pod: Pod, state: NodeState, cluster: Cluster) => Refusal | undefined;

/** @param known - what the filters said of each node. */
export function preempt(
  pod: Pod,
  cluster: Cluster,
  known: {
    readonly refusals: ReadonlyMap<string, Refusal | undefined>;
    readonly refusalOf: RefusalOf;
  },
): Preemption {
  if (pod.spec.preemptionPolicy === "Never") {
    return { explanation: "not eligible due to preemptionPolicy=Never." };
  }
  const promised = cluster.nodes.find(
    ({ node }) => node.metadata.name === pod.status?.nominatedNodeName,
  );
  const isLeaving = promised?.pods.some(
    (other) =>
      other.metadata.deletionTimestamp !== undefined && priorityOf(other) < priorityOf(pod),
  );
  if (promised !== undefined && isLeaving) {
    return {
      nomination: { node: promised.node.metadata.name, victims: [] },
      explanation: "not eligible due to a terminating pod on the nominated node.",
    };
  }
  const candidates: Nomination[] = [];
  const reasons = cluster.nodes.map((state) => {
    const { name } = state.node.metadata;
    if (known.refusals.get(name)?.isLasting !== false) return [notHelpful];
    const found = victimsOn(state, pod, cluster, known.refusalOf);
    if ("refusal" in found) return found.refusal;
    candidates.push({ node: name, victims: found.victims });
    return [];
  });
  const [best] = candidates.sort(compare);
  if (best !== undefined) return { nomination: best, explanation: "" };
  return { explanation: failureMessage(cluster.nodes.length, reasons) };
}

function victimsOn(
  state: NodeState,
  pod: Pod,
  cluster: Cluster,
  refusalOf: RefusalOf,
): { readonly victims: readonly Pod[] } | { readonly refusal: readonly string[] } {
  const isLower = (other: Pod): boolean => priorityOf(other) < priorityOf(pod);
  const lower = state.pods.filter(isLower).sort(byImportance);
  if (lower.length === 0) return { refusal: [noVictims] };
  const kept = state.pods.filter((other) => !isLower(other));
  const refusal = refusalIn(kept);
  if (refusal !== undefined) return { refusal: refusal.reasons };
  const victims: Pod[] = [];
  for (const other of lower) {
    kept.push(other);
    if (refusalIn(kept) === undefined) continue;
    kept.pop();
    victims.push(other);
  }
  return { victims };

  function refusalIn(pods: readonly Pod[]): Refusal | undefined {
    const imagined = { ...state, pods: [...pods] };
    const nodes = cluster.nodes.map((each) => (each === state ? imagined : each));
    return refusalOf(pod, imagined, { ...cluster, nodes });
  }
}

/** The most important first: by priority, then by age. */
function byImportance(a: Pod, b: Pod): number {
  const order = priorityOf(b) - priorityOf(a);
  if (order !== 0) return order;
  return (a.status?.startTime ?? "~").localeCompare(b.status?.startTime ?? "~");
}

function compare(a: Nomination, b: Nomination): number {
  const highest = ({ victims }: Nomination): number => Math.max(...victims.map(priorityOf));
  return highest(a) - highest(b) || a.victims.length - b.victims.length;
}
