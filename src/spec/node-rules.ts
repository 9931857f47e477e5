/**
 * Node: people change its labels, annotations, taints and `unschedulable`; the rest is the node's own.
 * Source: Kubernetes API reference, core/v1 Node; "Taints and Tolerations".
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import { firstDifference } from "./first-difference.ts";
import type { KindRules } from "./kind-rules.ts";
import type { Node, NodeSpec, Taint } from "./kubernetes.gen.ts";
import { checkLabelValue, checkQualifiedName } from "./validate-names.ts";

export const nodeRules: KindRules<Node> = {
  hasStatus: true,
  fill: (node) => ({ ...node, spec: node.spec ?? {} }),
  validate: ({ spec }, report) => validateTaints(spec?.taints ?? [], "spec.taints", report),
  validateUpdate(next, current, report) {
    const changed = firstDifference(ownPart(current.spec), ownPart(next.spec), "spec");
    if (changed !== undefined) {
      report(changed, "node updates may only change labels, taints, or capacity");
    }
  },
};

/** What may be set once at most; `providerID` and the addresses of pods may be filled in later. */
function ownPart(spec: NodeSpec = {}): object {
  const { taints, unschedulable, configSource, ...own } = spec;
  return own;
}

/** Checks the taints at `path`. */
export function validateTaints(taints: readonly Taint[], path: string, report: Report): void {
  const seen = new Set<string>();
  for (const [index, { key, value = "", effect }] of taints.entries()) {
    const at = itemPath(path, index);
    const keyComplaint = checkQualifiedName(key);
    if (keyComplaint !== undefined) report(childPath(at, "key"), keyComplaint);
    const complaint = checkLabelValue(value);
    if (complaint !== undefined) report(childPath(at, "value"), complaint);
    const identity = `${key}:${effect}`;
    if (seen.has(identity)) {
      report(at, `taints must be unique by key and effect pair: ${identity} is there already`);
    }
    seen.add(identity);
  }
}
