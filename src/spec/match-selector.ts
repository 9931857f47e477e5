/**
 * Whether labels or a node fit a selector; all requirements must be kept.
 * Source: Kubernetes API reference, meta/v1 LabelSelector, core/v1 NodeSelector.
 */
import type { LabelSelector, NodeSelector, NodeSelectorRequirement } from "./kubernetes.gen.ts";

export type Labels = Readonly<Record<string, string>>;

/** What selectors of nodes look at. */
export interface NodeFacts {
  readonly name: string;
  readonly labels: Labels;
}

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

/** An empty selector fits everything. */
export function matchesLabels(selector: LabelSelector, labels: Labels): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  return (
    Object.entries(matchLabels).every(([key, value]) => labelOf(labels, key) === value) &&
    matchExpressions.every((requirement) => meets(requirement, labelOf(labels, requirement.key)))
  );
}

/** One of the terms must fit; a term without requirements fits nothing. */
export function matchesNode({ nodeSelectorTerms }: NodeSelector, node: NodeFacts): boolean {
  return nodeSelectorTerms.some(({ matchExpressions = [], matchFields = [] }) => {
    if (matchExpressions.length + matchFields.length === 0) return false;
    const fields = { "metadata.name": node.name };
    return all(matchExpressions, node.labels) && all(matchFields, fields);
  });
}

function all(requirements: readonly NodeSelectorRequirement[], labels: Labels): boolean {
  return requirements.every((requirement) => meets(requirement, labelOf(labels, requirement.key)));
}

/** Labels come from manifests: "constructor" is no label of an object without labels. */
function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

function meets({ operator, values = [] }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return isInteger(value) && BigInt(value) > BigInt(values[0] ?? "0");
    case "Lt":
      return isInteger(value) && BigInt(value) < BigInt(values[0] ?? "0");
    default:
      return false;
  }
}

function isInteger(text: string | undefined): text is string {
  return text !== undefined && /^-?\d{1,18}$/.test(text);
}
