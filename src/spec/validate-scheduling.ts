/**
 * Rules for the fields of a pod that say where and when it may run.
 * Source: Kubernetes API reference, core/v1 PodSpec, "Scheduling"; core/v1 Toleration.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { Toleration } from "./kubernetes.gen.ts";
import type { PodSpec } from "./pod.ts";
import { quote } from "./quote.ts";
import {
  type Complaint,
  checkDnsSubdomain,
  checkLabelValue,
  checkQualifiedName,
} from "./validate-names.ts";
import { validateNodeAffinity } from "./validate-node-affinity.ts";
import { validatePodAffinity, validateSpread } from "./validate-pod-affinity.ts";

/** Checks a defaulted spec. */
export function validateScheduling(spec: PodSpec, report: Report): void {
  for (const field of [
    "nodeName",
    "priorityClassName",
    "runtimeClassName",
    "schedulerName",
  ] as const) {
    const name = spec[field];
    const complaint = name ? checkDnsSubdomain(name) : undefined;
    if (complaint !== undefined) report(`spec.${field}`, complaint);
  }
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) {
    const at = childPath("spec.nodeSelector", key);
    const complaint = checkQualifiedName(key);
    if (complaint !== undefined) report(at, `key ${complaint}`, "key");
    const valueComplaint = checkLabelValue(value);
    if (valueComplaint !== undefined) report(at, valueComplaint);
  }
  const { nodeAffinity, podAffinity, podAntiAffinity } = spec.affinity ?? {};
  if (nodeAffinity) validateNodeAffinity(nodeAffinity, "spec.affinity.nodeAffinity", report);
  if (podAffinity) validatePodAffinity(podAffinity, "spec.affinity.podAffinity", report);
  if (podAntiAffinity) {
    validatePodAffinity(podAntiAffinity, "spec.affinity.podAntiAffinity", report);
  }
  validateTolerations(spec.tolerations ?? [], "spec.tolerations", report);
  validateSpread(spec.topologySpreadConstraints ?? [], "spec.topologySpreadConstraints", report);
  validateGates(spec, report);
}

function validateGates({ schedulingGates = [], nodeName }: PodSpec, report: Report): void {
  const seen = new Set<string>();
  for (const [index, { name }] of schedulingGates.entries()) {
    const at = childPath(itemPath("spec.schedulingGates", index), "name");
    const complaint = name === "" ? "must not be empty" : checkQualifiedName(name);
    if (complaint !== undefined) report(at, complaint);
    if (seen.has(name)) report(at, `must be unique: got ${quote(name)} again`);
    seen.add(name);
  }
  if (schedulingGates.length > 0 && nodeName) {
    report("spec.nodeName", "cannot be set until all schedulingGates have been cleared");
  }
}

/** Checks the tolerations at `path`. */
export function validateTolerations(
  tolerations: readonly Toleration[],
  path: string,
  report: Report,
): void {
  for (const [index, toleration] of tolerations.entries()) {
    const at = itemPath(path, index);
    const { key = "", operator = "Equal", value = "", effect, tolerationSeconds } = toleration;
    const complaint = key === "" ? undefined : checkQualifiedName(key);
    if (complaint !== undefined) report(childPath(at, "key"), complaint);
    if (key === "" && operator !== "Exists") {
      report(
        childPath(at, "operator"),
        'must be "Exists" when `key` is empty, which means "match all values and all keys"',
      );
    }
    if (tolerationSeconds !== undefined && effect !== "NoExecute") {
      report(childPath(at, "effect"), "must be 'NoExecute' when `tolerationSeconds` is set");
    }
    const valueComplaint = checkTolerated(operator, value);
    if (valueComplaint !== undefined) report(childPath(at, "value"), valueComplaint);
  }
}

function checkTolerated(operator: NonNullable<Toleration["operator"]>, value: string): Complaint {
  switch (operator) {
    case "Exists":
      return value === "" ? undefined : "must be empty when `operator` is 'Exists'";
    case "Equal":
      return checkLabelValue(value);
    case "Gt":
    case "Lt":
      return /^(?:0|-?[1-9]\d{0,17})$/.test(value)
        ? undefined
        : `must be an integer when \`operator\` is '${operator}': got ${quote(value)}`;
    default:
      operator satisfies never;
      return undefined;
  }
}
