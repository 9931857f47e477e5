/**
 * Which pods a pod asks for as neighbours, and how pods are spread.
 * Source: Kubernetes API reference, core/v1 PodAffinityTerm, TopologySpreadConstraint.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type {
  LabelSelector,
  PodAffinity,
  PodAffinityTerm,
  PodAntiAffinity,
  TopologySpreadConstraint,
} from "./kubernetes.gen.ts";
import { quote } from "./quote.ts";
import { validateLabelSelector } from "./validate-label-selector.ts";
import { checkDnsLabel, checkQualifiedName } from "./validate-names.ts";
import { validateWeight } from "./validate-node-affinity.ts";

/** Checks affinity or anti-affinity at `path`. */
export function validatePodAffinity(
  affinity: PodAffinity | PodAntiAffinity,
  path: string,
  report: Report,
): void {
  const required = affinity.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  for (const [index, term] of required.entries()) {
    const at = itemPath(childPath(path, "requiredDuringSchedulingIgnoredDuringExecution"), index);
    validateTerm(term, at, report);
  }
  const preferred = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  for (const [index, { weight, podAffinityTerm }] of preferred.entries()) {
    const at = itemPath(childPath(path, "preferredDuringSchedulingIgnoredDuringExecution"), index);
    validateWeight(weight, at, report);
    validateTerm(podAffinityTerm, childPath(at, "podAffinityTerm"), report);
  }
}

function validateTerm(term: PodAffinityTerm, path: string, report: Report): void {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey } = term;
  validateTopologyKey(topologyKey, path, report);
  if (labelSelector !== undefined) {
    validateLabelSelector(labelSelector, childPath(path, "labelSelector"), report);
  }
  if (namespaceSelector !== undefined) {
    validateLabelSelector(namespaceSelector, childPath(path, "namespaceSelector"), report);
  }
  for (const [index, name] of namespaces.entries()) {
    const complaint = checkDnsLabel(name);
    if (complaint !== undefined) report(itemPath(childPath(path, "namespaces"), index), complaint);
  }
  validateKeys("matchLabelKeys", term, path, report);
  validateKeys("mismatchLabelKeys", term, path, report);
  for (const [index, key] of (term.matchLabelKeys ?? []).entries()) {
    if (term.mismatchLabelKeys?.includes(key)) {
      const at = itemPath(childPath(path, "matchLabelKeys"), index);
      report(at, "must not be in both matchLabelKeys and mismatchLabelKeys");
    }
  }
}

/** Checks `spec.topologySpreadConstraints` at `path`. */
export function validateSpread(
  constraints: readonly TopologySpreadConstraint[],
  path: string,
  report: Report,
): void {
  const seen = new Set<string>();
  for (const [index, constraint] of constraints.entries()) {
    const at = itemPath(path, index);
    const { maxSkew, minDomains, topologyKey, whenUnsatisfiable, labelSelector } = constraint;
    if (maxSkew < 1) report(childPath(at, "maxSkew"), `must be greater than zero: got ${maxSkew}`);
    if (minDomains !== undefined && minDomains < 1) {
      report(childPath(at, "minDomains"), `must be greater than zero: got ${minDomains}`);
    } else if (minDomains !== undefined && whenUnsatisfiable !== "DoNotSchedule") {
      report(
        childPath(at, "minDomains"),
        `can only be used with whenUnsatisfiable "DoNotSchedule": got "${whenUnsatisfiable}"`,
      );
    }
    validateTopologyKey(topologyKey, at, report);
    if (labelSelector !== undefined) {
      validateLabelSelector(labelSelector, childPath(at, "labelSelector"), report);
    }
    validateKeys("matchLabelKeys", constraint, at, report);
    const identity = `${topologyKey}, ${whenUnsatisfiable}`;
    if (seen.has(identity)) {
      report(at, `must be unique by topologyKey and whenUnsatisfiable: {${identity}} again`);
    }
    seen.add(identity);
  }
}

function validateTopologyKey(key: string, path: string, report: Report): void {
  const complaint = key === "" ? "can not be empty" : checkQualifiedName(key);
  if (complaint !== undefined) report(childPath(path, "topologyKey"), complaint);
}

/** Keys whose values the pod's own labels give. */
function validateKeys(
  field: "matchLabelKeys" | "mismatchLabelKeys",
  term: {
    readonly labelSelector?: LabelSelector;
    readonly matchLabelKeys?: readonly string[];
    readonly mismatchLabelKeys?: readonly string[];
  },
  path: string,
  report: Report,
): void {
  const at = childPath(path, field);
  const keys = term[field] ?? [];
  if (keys.length > 0 && term.labelSelector === undefined) {
    report(at, "must not be specified when labelSelector is not set");
  }
  for (const [index, key] of keys.entries()) {
    const complaint = checkQualifiedName(key);
    if (complaint !== undefined) report(itemPath(at, index), complaint);
    if (term.labelSelector?.matchExpressions?.some((requirement) => requirement.key === key)) {
      report(itemPath(at, index), `exists in both ${field} and labelSelector: ${quote(key)}`);
    }
  }
}
