/** RuntimeClass. Source: Kubernetes API reference, node.k8s.io/v1 RuntimeClass; "Runtime Class". */

import { checkImmutable } from "./first-difference.ts";
import type { KindRules } from "./kind-rules.ts";
import type { RuntimeClass } from "./kubernetes.gen.ts";
import { canonicalAmounts } from "./persistent-volume-claim-rules.ts";
import { checkDnsLabel } from "./validate-names.ts";

export const runtimeClassRules: KindRules<RuntimeClass> = {
  hasGeneration: true,
  fill: (runtimeClass) => {
    const podFixed = runtimeClass.overhead?.podFixed;
    return podFixed === undefined
      ? runtimeClass
      : { ...runtimeClass, overhead: { podFixed: canonicalAmounts(podFixed) } };
  },
  validate({ handler }, report) {
    const complaint = checkDnsLabel(handler);
    if (complaint !== undefined) report("handler", complaint);
  },
  validateUpdate(next, current, report) {
    checkImmutable(next.handler, current.handler, "handler", report);
  },
};
