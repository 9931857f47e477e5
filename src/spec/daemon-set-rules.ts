/** DaemonSet. Source: Kubernetes API reference, apps/v1 DaemonSet; "Perform a Rolling Update on a DaemonSet". */

import type { Report } from "./field-issue.ts";
import { isZero, validateIntOrPercent } from "./int-or-percent.ts";
import type { KindRules } from "./kind-rules.ts";
import type { DaemonSet, DaemonSetUpdateStrategy } from "./kubernetes.gen.ts";
import {
  fillPodTemplate,
  validateCount,
  validateSameSelector,
  validateSelectorAndTemplate,
} from "./pod-template.ts";

export const daemonSetRules: KindRules<DaemonSet> = {
  hasStatus: true,
  hasGeneration: true,
  fill: (set) => ({
    ...set,
    spec: {
      ...set.spec,
      template: fillPodTemplate(set.spec.template),
      updateStrategy: fillStrategy(set.spec.updateStrategy ?? {}),
      revisionHistoryLimit: set.spec.revisionHistoryLimit ?? 10,
    },
  }),
  begin: (set) => ({
    ...set,
    status: {
      currentNumberScheduled: 0,
      numberMisscheduled: 0,
      desiredNumberScheduled: 0,
      numberReady: 0,
    },
  }),
  validate({ spec }, report) {
    validateCount(spec.minReadySeconds, "spec.minReadySeconds", report);
    validateCount(spec.revisionHistoryLimit, "spec.revisionHistoryLimit", report);
    validateSelectorAndTemplate(spec, report);
    validateStrategy(spec.updateStrategy ?? {}, report);
  },
  validateUpdate: (next, current, report) =>
    validateSameSelector(next.spec.selector, current.spec.selector, report),
};

function fillStrategy(strategy: DaemonSetUpdateStrategy): DaemonSetUpdateStrategy {
  const { type = "RollingUpdate", rollingUpdate } = strategy;
  if (type !== "RollingUpdate") return { ...strategy, type };
  const { maxSurge = 0, maxUnavailable = 1 } = rollingUpdate ?? {};
  return { type, rollingUpdate: { maxUnavailable, maxSurge } };
}

function validateStrategy({ type, rollingUpdate }: DaemonSetUpdateStrategy, report: Report): void {
  const path = "spec.updateStrategy.rollingUpdate";
  if (type !== "RollingUpdate" || rollingUpdate === undefined) return;
  const { maxSurge = 0, maxUnavailable = 1 } = rollingUpdate;
  validateIntOrPercent(maxUnavailable, `${path}.maxUnavailable`, report, 100);
  validateIntOrPercent(maxSurge, `${path}.maxSurge`, report, 100);
  if (isZero(maxUnavailable) && isZero(maxSurge)) {
    report(`${path}.maxUnavailable`, "cannot be 0 when maxSurge is 0");
  } else if (!isZero(maxUnavailable) && !isZero(maxSurge)) {
    report(`${path}.maxSurge`, "may not be set when maxUnavailable is non-zero");
  }
}
