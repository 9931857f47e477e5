/** ReplicaSet. Source: Kubernetes API reference, apps/v1 ReplicaSet. */

import type { KindRules } from "./kind-rules.ts";
import type { ReplicaSet } from "./kubernetes.gen.ts";
import {
  fillPodTemplate,
  validateCount,
  validateSameSelector,
  validateSelectorAndTemplate,
} from "./pod-template.ts";

export const replicaSetRules: KindRules<ReplicaSet> = {
  hasStatus: true,
  hasGeneration: true,
  fill: (set) => ({
    ...set,
    spec: {
      ...set.spec,
      replicas: set.spec.replicas ?? 1,
      ...(set.spec.template && { template: fillPodTemplate(set.spec.template) }),
    },
  }),
  begin: (set) => ({ ...set, status: { replicas: 0 } }),
  validate({ spec }, report) {
    validateCount(spec.replicas, "spec.replicas", report);
    validateCount(spec.minReadySeconds, "spec.minReadySeconds", report);
    const { selector, template } = spec;
    if (template === undefined) report("spec.template", "is required");
    else validateSelectorAndTemplate({ selector, template }, report);
  },
  validateUpdate: (next, current, report) =>
    validateSameSelector(next.spec.selector, current.spec.selector, report),
};
