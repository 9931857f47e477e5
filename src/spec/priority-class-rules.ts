/** PriorityClass. Source: Kubernetes API reference, scheduling.k8s.io/v1; "Pod Priority and Preemption". */

import { checkImmutable } from "./first-difference.ts";
import type { KindRules } from "./kind-rules.ts";
import type { PriorityClass } from "./kubernetes.gen.ts";

/** Higher ones are for the classes that Kubernetes makes itself. */
const HIGHEST_USER_PRIORITY = 1_000_000_000;

/** The classes that every cluster has. */
export const SYSTEM_PRIORITIES: Readonly<Record<string, number>> = {
  "system-cluster-critical": 2_000_000_000,
  "system-node-critical": 2_000_001_000,
};

export const priorityClassRules: KindRules<PriorityClass> = {
  hasGeneration: true,
  fill: (priorityClass) => ({
    ...priorityClass,
    preemptionPolicy: priorityClass.preemptionPolicy ?? "PreemptLowerPriority",
  }),
  validate({ metadata, value = 0, globalDefault }, report) {
    const own = SYSTEM_PRIORITIES[metadata.name];
    if (own !== undefined && own === value && globalDefault !== true) return;
    if (metadata.name.startsWith("system-")) {
      report(
        "metadata.name",
        "priority class names with 'system-' prefix are reserved for system use only",
      );
    }
    if (value > HIGHEST_USER_PRIORITY) {
      report(
        "value",
        `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`,
      );
    }
  },
  validateUpdate(next, current, report) {
    const message = "may not be changed in an update";
    checkImmutable(next.value, current.value, "value", report, message);
    const path = "preemptionPolicy";
    checkImmutable(next[path], current[path], path, report, message);
  },
};
