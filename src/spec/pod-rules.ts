/** Pod: its defaults and rules stand in default-pod.ts, validate-pod.ts and validate-pod-update.ts. */

import { fillPod } from "./default-pod.ts";
import type { KindRules } from "./kind-rules.ts";
import type { Pod } from "./pod.ts";
import { validateNoEphemeralContainers } from "./validate-ephemeral-update.ts";
import { validatePodSpec } from "./validate-pod.ts";
import { validatePodUpdate } from "./validate-pod-update.ts";

export const podRules: KindRules<Pod> = {
  hasStatus: true,
  hasGeneration: true,
  fill: fillPod,
  validate: validatePodSpec,
  validateCreate: validateNoEphemeralContainers,
  validateUpdate: validatePodUpdate,
};
