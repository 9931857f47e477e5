/**
 * PodDisruptionBudget: defaults and rules.
 * Source: Kubernetes API reference, policy/v1 PodDisruptionBudget.
 */
import { validateIntOrPercent } from "./int-or-percent.ts";
import type { KindRules } from "./kind-rules.ts";
import type { PodDisruptionBudget } from "./kubernetes.gen.ts";
import { validateLabelSelector } from "./validate-label-selector.ts";

export const podDisruptionBudgetRules: KindRules<PodDisruptionBudget> = {
  hasStatus: true,
  hasGeneration: true,
  fill: (budget) => ({ ...budget, spec: budget.spec ?? {} }),
  begin: (budget) => ({
    ...budget,
    status: { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 },
  }),
  validate({ spec }, report) {
    if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
      report("spec", "minAvailable and maxUnavailable cannot be both set");
    }
    for (const field of ["minAvailable", "maxUnavailable"] as const) {
      const value = spec[field];
      if (value !== undefined) validateIntOrPercent(value, `spec.${field}`, report, 100);
    }
    if (spec.selector !== undefined) validateLabelSelector(spec.selector, "spec.selector", report);
  },
};
