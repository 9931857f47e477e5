/** Lease: who holds something, and until when. Source: Kubernetes API reference, coordination.k8s.io/v1 Lease. */

import type { Report } from "./field-issue.ts";
import type { KindRules } from "./kind-rules.ts";
import type { Lease } from "./kubernetes.gen.ts";
import { validateCount } from "./pod-template.ts";

export const leaseRules: KindRules<Lease> = {
  validate: ({ spec = {} }, report) => validateSpec(spec, report),
};

function validateSpec(spec: NonNullable<Lease["spec"]>, report: Report): void {
  const { leaseDurationSeconds = 1, leaseTransitions = 0, preferredHolder, strategy } = spec;
  if (leaseDurationSeconds <= 0) {
    report("spec.leaseDurationSeconds", `must be greater than 0: got ${leaseDurationSeconds}`);
  }
  validateCount(leaseTransitions, "spec.leaseTransitions", report);
  if (preferredHolder !== undefined && strategy === undefined) {
    report("spec.preferredHolder", "can only be specified when `strategy` is defined");
  }
}
