/**
 * Rules for how containers begin, restart and end: restart policies and rules of containers, ephemeral containers,
 * the pod's deadline and readiness gates.
 * Source: Kubernetes API reference, core/v1 PodSpec, Container, ContainerRestartRule, EphemeralContainer.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { Container, ContainerRestartRule, PodSpec } from "./pod.ts";
import { quote } from "./quote.ts";
import { checkQualifiedName } from "./validate-names.ts";

const policies: readonly string[] = ["Always", "OnFailure", "Never"];
const actions: readonly string[] = ["Restart", "RestartAllContainers"];
const operators: readonly string[] = ["In", "NotIn"];
/** Kubernetes' bounds. */
const maxRules = 20;
const maxExitCodes = 255;
const maxDeadlineSeconds = 2 ** 31 - 1;

/** Checks the pod's own fields. */
export function validatePodLifecycle(spec: PodSpec, report: Report): void {
  const { activeDeadlineSeconds: deadline, readinessGates = [] } = spec;
  if (deadline !== undefined && (deadline < 1 || deadline > maxDeadlineSeconds)) {
    const rule = `must be between 1 and ${maxDeadlineSeconds}`;
    report("spec.activeDeadlineSeconds", `${rule}: got ${deadline}`);
  }
  for (const [index, { conditionType }] of readinessGates.entries()) {
    const complaint = checkQualifiedName(conditionType);
    const path = childPath(itemPath("spec.readinessGates", index), "conditionType");
    if (complaint !== undefined) report(path, complaint);
  }
}

/** Checks restartPolicy and restartPolicyRules of a container at `path`. */
export function validateRestart(container: Container, path: string, report: Report): void {
  const { restartPolicy, restartPolicyRules } = container;
  choice(restartPolicy, policies, childPath(path, "restartPolicy"), report);
  if (restartPolicyRules === undefined) return;
  const at = childPath(path, "restartPolicyRules");
  if (restartPolicy === undefined) report(at, "must not be set without restartPolicy", "key");
  if (restartPolicyRules.length > maxRules) {
    report(at, `must have at most ${maxRules} rules: got ${restartPolicyRules.length}`);
  }
  for (const [index, rule] of restartPolicyRules.slice(0, maxRules).entries()) {
    validateRule(rule, itemPath(at, index), report);
  }
}

function validateRule(rule: ContainerRestartRule, path: string, report: Report): void {
  choice(rule.action, actions, childPath(path, "action"), report);
  const at = childPath(path, "exitCodes");
  const { exitCodes } = rule;
  if (exitCodes === undefined) {
    report(path, "must have exitCodes");
    return;
  }
  choice(exitCodes.operator, operators, childPath(at, "operator"), report);
  const values = exitCodes.values ?? [];
  const valuesPath = childPath(at, "values");
  if (values.length === 0 || values.length > maxExitCodes) {
    report(valuesPath, `must have 1 to ${maxExitCodes} exit codes: got ${values.length}`);
  }
  for (const [index, value] of values.slice(0, maxExitCodes).entries()) {
    const isCode = value >= 0 && value <= 255;
    if (!isCode) report(itemPath(valuesPath, index), `must be between 0 and 255: got ${value}`);
  }
}

/** Checks what sets ephemeral containers apart; the rest is as for any container. */
export function validateEphemeralContainers(spec: PodSpec, report: Report): void {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  const targets = new Set([...initContainers, ...containers].map(({ name }) => name));
  for (const [index, container] of ephemeralContainers.entries()) {
    const path = itemPath("spec.ephemeralContainers", index);
    const { targetContainerName: target, volumeMounts = [] } = container;
    if (target && !targets.has(target)) {
      const rule = "must be the name of a container of the pod";
      report(childPath(path, "targetContainerName"), `${rule}: got ${quote(target)}`);
    }
    for (const [mount, { subPath, subPathExpr }] of volumeMounts.entries()) {
      const at = itemPath(childPath(path, "volumeMounts"), mount);
      const rule = "must not be set on an ephemeral container";
      if (subPath) report(childPath(at, "subPath"), rule, "key");
      if (subPathExpr) report(childPath(at, "subPathExpr"), rule, "key");
    }
  }
}

function choice(
  value: string | undefined,
  choices: readonly string[],
  path: string,
  report: Report,
): void {
  if (value === undefined || choices.includes(value)) return;
  report(path, `must be one of ${choices.map(quote).join(", ")}: got ${quote(value)}`);
}
