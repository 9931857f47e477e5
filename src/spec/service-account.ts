/**
 * The service account that a pod runs as: named by two fields of which one is deprecated, "default" when neither is.
 * Source: Kubernetes, "Managing Service Accounts"; PodSpec of the API reference.
 */

import type { Report } from "./field-issue.ts";
import type { ObjectReader } from "./object-reader.ts";
import type { Pod, PodSpec } from "./pod.ts";
import { checkDnsSubdomain } from "./validate-names.ts";

const byDefault = "default";

/** The name of the account that a pod runs as. */
export function serviceAccountOf({ spec }: Pick<Pod, "spec">): string {
  return spec.serviceAccountName || spec.serviceAccount || byDefault;
}

/** Whether it says which. */
export function namesAccount({ serviceAccountName, serviceAccount }: PodSpec): boolean {
  return !!serviceAccountName || !!serviceAccount;
}

/** The part of a pod's spec that this adds. */
export function defaultServiceAccount(
  spec: PodSpec,
): Pick<PodSpec, "serviceAccount" | "serviceAccountName"> {
  const name = serviceAccountOf({ spec });
  return { serviceAccount: name, serviceAccountName: name };
}

/** Checks the name, if there is one. */
export function validateServiceAccount(spec: PodSpec, report: Report): void {
  if (!namesAccount(spec)) return;
  const { serviceAccountName = "" } = spec;
  const complaint = checkDnsSubdomain(serviceAccountName);
  if (complaint !== undefined) report("spec.serviceAccountName", complaint);
}

/**
 * Why a new pod is forbidden: its account is not there. "default" is taken for there: every namespace has it.
 * @returns the phrase of Kubernetes' admission; undefined when all is well.
 */
export function missingServiceAccount(pod: Pod, objects: ObjectReader): string | undefined {
  const { namespace } = pod.metadata;
  const name = serviceAccountOf(pod);
  if (name === byDefault || objects.get("ServiceAccount", namespace, name)) return undefined;
  return `error looking up service account ${namespace}/${name}: serviceaccount "${name}" not found`;
}
