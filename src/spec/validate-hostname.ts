/**
 * Rules for the names that a pod has: hostname, subdomain, setHostnameAsFQDN and hostnameOverride.
 * Source: Kubernetes API reference, PodSpec; "DNS for Services and Pods".
 */
import type { Report } from "./field-issue.ts";
import type { PodSpec } from "./pod.ts";
import { checkDnsLabel, checkDnsSubdomain } from "./validate-names.ts";

/** HOST_NAME_MAX of Linux. */
const MAX_OVERRIDE = 64;

/** Checks the names; "" is Kubernetes' way of saying "not set". */
export function validateHostnames(spec: PodSpec, report: Report): void {
  for (const field of ["hostname", "subdomain"] as const) {
    const text = spec[field];
    const complaint = text ? checkDnsLabel(text) : undefined;
    if (complaint !== undefined) report(`spec.${field}`, complaint);
  }
  if (spec.hostnameOverride === undefined) return;
  const path = "spec.hostnameOverride";
  const { hostnameOverride: override } = spec;
  const tooLong =
    override.length > MAX_OVERRIDE
      ? `must be at most ${MAX_OVERRIDE} characters: got ${override.length}`
      : undefined;
  const complaint = checkDnsSubdomain(override) ?? tooLong;
  if (complaint !== undefined) report(path, complaint);
  if (spec.hostNetwork === true) report(path, "must not be set while hostNetwork is true");
  if (spec.setHostnameAsFQDN === true) {
    report(path, "must not be set while setHostnameAsFQDN is true");
  }
}
