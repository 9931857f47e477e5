/** Which nodes a pod asks for. Source: Kubernetes API reference, core/v1 NodeSelector, NodeAffinity. */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { NodeAffinity, NodeSelectorRequirement, NodeSelectorTerm } from "./kubernetes.gen.ts";
import { quote } from "./quote.ts";
import { checkDnsSubdomain, checkLabelValue, checkQualifiedName } from "./validate-names.ts";

/** Checks the affinity at `path`. */
export function validateNodeAffinity(affinity: NodeAffinity, path: string, report: Report): void {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  if (required !== undefined) {
    const at = childPath(
      childPath(path, "requiredDuringSchedulingIgnoredDuringExecution"),
      "nodeSelectorTerms",
    );
    if (required.nodeSelectorTerms.length === 0) report(at, "must have at least one term");
    for (const [index, term] of required.nodeSelectorTerms.entries()) {
      validateTerm(term, itemPath(at, index), report);
    }
  }
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const at = childPath(path, "preferredDuringSchedulingIgnoredDuringExecution");
  for (const [index, { weight, preference }] of preferred.entries()) {
    validateWeight(weight, itemPath(at, index), report);
    validateTerm(preference, childPath(itemPath(at, index), "preference"), report);
  }
}

/** Weight of a preference. */
export function validateWeight(weight: number, path: string, report: Report): void {
  if (weight < 1 || weight > 100) {
    report(childPath(path, "weight"), `must be between 1 and 100: got ${weight}`);
  }
}

function validateTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  path: string,
  report: Report,
): void {
  for (const [index, requirement] of matchExpressions.entries()) {
    const at = itemPath(childPath(path, "matchExpressions"), index);
    const complaint = checkQualifiedName(requirement.key);
    if (complaint !== undefined) report(childPath(at, "key"), complaint);
    validateValues(requirement, at, report);
  }
  for (const [index, requirement] of matchFields.entries()) {
    validateField(requirement, itemPath(childPath(path, "matchFields"), index), report);
  }
}

function validateValues(
  { operator, values = [] }: NodeSelectorRequirement,
  path: string,
  report: Report,
): void {
  const at = childPath(path, "values");
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) report(at, "is required for operator In or NotIn");
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0) report(at, "must be empty for operator Exists or DoesNotExist");
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1) report(at, "must be one integer for operator Gt or Lt");
      else if (!/^-?\d{1,18}$/.test(values[0] ?? "")) {
        report(itemPath(at, 0), `must be an integer: got ${quote(values[0] ?? "")}`);
      }
      return;
    default:
      operator satisfies never;
  }
  for (const [index, value] of values.entries()) {
    const complaint = checkLabelValue(value);
    if (complaint !== undefined) report(itemPath(at, index), complaint);
  }
}

/** The only field of a node that can be asked for is its name. */
function validateField(
  { key, operator, values = [] }: NodeSelectorRequirement,
  path: string,
  report: Report,
): void {
  if (key !== "metadata.name") {
    report(childPath(path, "key"), `must be "metadata.name": got ${quote(key)}`);
  }
  if (operator !== "In" && operator !== "NotIn") {
    report(childPath(path, "operator"), `must be "In" or "NotIn" for a field: got "${operator}"`);
  }
  const at = childPath(path, "values");
  if (values.length !== 1) report(at, "must be one name");
  for (const [index, value] of values.entries()) {
    const complaint = checkDnsSubdomain(value);
    if (complaint !== undefined) report(itemPath(at, index), complaint);
  }
}
