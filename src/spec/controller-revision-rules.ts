/** ControllerRevision: a state that a controller can go back to. Source: API reference, apps/v1 ControllerRevision. */

import { firstDifference } from "./first-difference.ts";
import type { KindRules } from "./kind-rules.ts";
import type { ControllerRevision } from "./kubernetes.gen.ts";
import { validateCount } from "./pod-template.ts";

export const controllerRevisionRules: KindRules<ControllerRevision> = {
  validate({ revision, data }, report) {
    validateCount(revision, "revision", report);
    if (data === undefined) report("data", "is mandatory");
  },
  validateUpdate(next, current, report) {
    if (firstDifference(current.data, next.data, "") === undefined) return;
    report("data", "field is immutable");
  },
};
