/**
 * The taints that follow from the state of a node. Pure.
 *
 *   Ready False     not-ready       NoSchedule, NoExecute when pods are to go
 *   Ready Unknown   unreachable     NoSchedule, NoExecute when pods are to go
 *   …Pressure True  …-pressure      NoSchedule
 *   cordoned        unschedulable   NoSchedule
 *
 * Source: Kubernetes, "Taints and Tolerations", "Taint Nodes by Condition", "Taint based Evictions".
 */
import { toTime } from "../base/clock.ts";
import type { Node, Taint } from "../spec/kubernetes.gen.ts";

interface Rule {
  readonly key: string;
  readonly effect: "NoSchedule" | "NoExecute";
  readonly holds: (node: Node) => boolean;
}

const isCondition =
  (type: string, wanted: string) =>
  ({ status }: Node): boolean =>
    status?.conditions?.some((each) => each.type === type && each.status === wanted) ?? false;

const gone = [
  ["not-ready", "False"],
  ["unreachable", "Unknown"],
] as const;

const rules: readonly Rule[] = [
  ...gone.flatMap(([word, status]) =>
    (["NoSchedule", "NoExecute"] as const).map((effect) => ({
      key: `node.kubernetes.io/${word}`,
      effect,
      holds: isCondition("Ready", status),
    })),
  ),
  ...["Memory", "Disk", "PID"].map((word) => ({
    key: `node.kubernetes.io/${word.toLowerCase()}-pressure`,
    effect: "NoSchedule" as const,
    holds: isCondition(`${word}Pressure`, "True"),
  })),
  {
    key: "node.kubernetes.io/unschedulable",
    effect: "NoSchedule",
    holds: ({ spec }) => spec?.unschedulable === true,
  },
];

/** Whether pods are to leave a node that is not ready: they begin to, go on if they have begun, or stay. */
export type Eviction = "begins" | "goesOn" | "ends";

/**
 * All taints of the node as they should be: those of others stay, and what stays keeps its time.
 * @param eviction - decides on the effect NoExecute, by which pods go.
 */
export function nodeTaints(node: Node, eviction: Eviction, nowMs: number): readonly Taint[] {
  const { taints = [] } = node.spec ?? {};
  const isOf = (taint: Taint, { key, effect }: Rule): boolean =>
    taint.key === key && taint.effect === effect;
  const holds = (rule: Rule): boolean =>
    rule.holds(node) && (rule.effect === "NoSchedule" || eviction !== "ends");
  const kept = taints.filter((taint) => rules.every((rule) => !isOf(taint, rule) || holds(rule)));
  // From False to Unknown and back it is the same eviction.
  const mayAdd = eviction === "begins" || isEvicting(node);
  const added = rules
    .filter((rule) => holds(rule) && !kept.some((taint) => isOf(taint, rule)))
    .filter(({ effect }) => effect === "NoSchedule" || mayAdd)
    .map(({ key, effect }): Taint => ({ key, effect, timeAdded: toTime(nowMs) }));
  return added.length === 0 && kept.length === taints.length ? taints : [...kept, ...added];
}

/** Whether pods leave the node because it is not ready. */
export function isEvicting({ spec }: Node): boolean {
  return (spec?.taints ?? []).some((taint) =>
    rules.some(({ key, effect }) => {
      return effect === "NoExecute" && taint.effect === effect && taint.key === key;
    }),
  );
}
