/** Deployment. Source: Kubernetes API reference, apps/v1 Deployment; "Deployments". */

import type { Report } from "./field-issue.ts";
import { isZero, validateIntOrPercent } from "./int-or-percent.ts";
import type { KindRules } from "./kind-rules.ts";
import type { Deployment, DeploymentSpec, DeploymentStrategy } from "./kubernetes.gen.ts";
import {
  fillPodTemplate,
  validateCount,
  validateSameSelector,
  validateSelectorAndTemplate,
} from "./pod-template.ts";

export const deploymentRules: KindRules<Deployment> = {
  hasStatus: true,
  hasGeneration: true,
  fill: (deployment) => ({ ...deployment, spec: fillSpec(deployment.spec) }),
  begin: (deployment) => ({ ...deployment, status: {} }),
  validate({ spec }, report) {
    validateCount(spec.replicas, "spec.replicas", report);
    validateCount(spec.minReadySeconds, "spec.minReadySeconds", report);
    validateCount(spec.revisionHistoryLimit, "spec.revisionHistoryLimit", report);
    validateSelectorAndTemplate(spec, report);
    validateStrategy(spec.strategy ?? {}, report);
    validateDeadline(spec, report);
  },
  validateUpdate: (next, current, report) =>
    validateSameSelector(next.spec.selector, current.spec.selector, report),
};

function fillSpec(spec: DeploymentSpec): DeploymentSpec {
  return {
    ...spec,
    replicas: spec.replicas ?? 1,
    template: fillPodTemplate(spec.template),
    strategy: fillStrategy(spec.strategy ?? {}),
    revisionHistoryLimit: spec.revisionHistoryLimit ?? 10,
    progressDeadlineSeconds: spec.progressDeadlineSeconds ?? 600,
  };
}

function fillStrategy(strategy: DeploymentStrategy): DeploymentStrategy {
  const { type = "RollingUpdate", rollingUpdate } = strategy;
  if (type !== "RollingUpdate") return { ...strategy, type };
  const { maxSurge = "25%", maxUnavailable = "25%" } = rollingUpdate ?? {};
  return { type, rollingUpdate: { maxUnavailable, maxSurge } };
}

function validateStrategy({ type, rollingUpdate }: DeploymentStrategy, report: Report): void {
  const path = "spec.strategy.rollingUpdate";
  if (rollingUpdate === undefined) return;
  if (type === "Recreate") {
    report(path, "may not be specified when strategy `type` is 'Recreate'");
    return;
  }
  const { maxSurge = "25%", maxUnavailable = "25%" } = rollingUpdate;
  validateIntOrPercent(maxUnavailable, `${path}.maxUnavailable`, report, 100);
  validateIntOrPercent(maxSurge, `${path}.maxSurge`, report);
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    report(`${path}.maxUnavailable`, "may not be 0 when `maxSurge` is 0");
  }
}

function validateDeadline(
  { progressDeadlineSeconds, minReadySeconds = 0 }: DeploymentSpec,
  report: Report,
): void {
  const path = "spec.progressDeadlineSeconds";
  validateCount(progressDeadlineSeconds, path, report);
  if (progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds) {
    report(path, `must be greater than minReadySeconds: got ${progressDeadlineSeconds}`);
  }
}
