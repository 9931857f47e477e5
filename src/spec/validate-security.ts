/**
 * Rules for the security contexts of pod and container.
 * Source: Kubernetes, "Configure a Security Context" and the API reference; capabilities(7).
 */

import { CAPABILITY_NAMES, isCapabilityName } from "./capabilities.ts";
import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { Capabilities, PodSecurityContext, PodSpec, SecurityContext } from "./pod.ts";
import { quote } from "./quote.ts";
import { suggestion } from "./suggest.ts";
import { validateProcMount, validateProfiles } from "./validate-profiles.ts";
import { validateSysctls } from "./validate-sysctls.ts";

/** Kubernetes takes no id above this, though the kernel does. */
const MAX_ID = 2 ** 31 - 1;
const POD_PATH = "spec.securityContext";

/** Checks `spec.securityContext`. */
export function validatePodSecurity(spec: PodSpec, report: Report): void {
  const context: PodSecurityContext = spec.securityContext ?? {};
  for (const field of ["runAsUser", "runAsGroup", "fsGroup"] as const) {
    validateId(context[field], childPath(POD_PATH, field), report);
  }
  for (const [index, group] of (context.supplementalGroups ?? []).entries()) {
    validateId(group, itemPath(`${POD_PATH}.supplementalGroups`, index), report);
  }
  validateProfiles(context, POD_PATH, report);
  validateSysctls(spec, report);
}

/** Checks `securityContext` of one container at `path`, together with what it inherits from the pod. */
export function validateContainerSecurity(
  context: SecurityContext,
  spec: PodSpec,
  path: string,
  report: Report,
): void {
  for (const field of ["runAsUser", "runAsGroup"] as const) {
    validateId(context[field], childPath(path, field), report);
  }
  validateNonRoot(context, spec.securityContext ?? {}, path, report);
  validateProfiles(context, path, report);
  validateProcMount(context, spec, path, report);
  validateCapabilities(context.capabilities ?? {}, childPath(path, "capabilities"), report);
  validateEscalation(context, path, report);
}

function validateId(id: number | undefined, path: string, report: Report): void {
  if (id !== undefined && (id < 0 || id > MAX_ID)) {
    report(path, `must be between 0 and ${MAX_ID}: got ${id}`);
  }
}

function validateNonRoot(
  context: SecurityContext,
  pod: PodSecurityContext,
  path: string,
  report: Report,
): void {
  const user = context.runAsUser ?? pod.runAsUser;
  const nonRoot = context.runAsNonRoot ?? pod.runAsNonRoot;
  if (user === 0 && nonRoot === true) {
    const at =
      context.runAsUser === 0 ? childPath(path, "runAsUser") : childPath(POD_PATH, "runAsUser");
    report(at, "must not be 0 while runAsNonRoot is true");
  }
}

function validateEscalation(context: SecurityContext, path: string, report: Report): void {
  if (context.allowPrivilegeEscalation !== false) {
    return;
  }
  const at = childPath(path, "allowPrivilegeEscalation");
  if (context.privileged === true) {
    report(at, "must not be false while privileged is true");
  }
  const strong = context.capabilities?.add?.find((name) => name === "SYS_ADMIN" || name === "ALL");
  if (strong !== undefined) {
    report(at, `must not be false while capability ${strong} is added`);
  }
}

function validateCapabilities(capabilities: Capabilities, path: string, report: Report): void {
  for (const field of ["add", "drop"] as const) {
    for (const [index, name] of (capabilities[field] ?? []).entries()) {
      if (name !== "ALL" && !isCapabilityName(name)) {
        report(itemPath(childPath(path, field), index), () => unknownCapability(name));
      }
    }
  }
}

function unknownCapability(name: string): string {
  const plain = name.toUpperCase().replace(/^CAP_/, "");
  if (plain === "ALL" || isCapabilityName(plain)) {
    return `must be in capitals and without "CAP_": got ${quote(name)}: use "${plain}"`;
  }
  return `must be ALL or a Linux capability like NET_ADMIN: got ${quote(name)}${suggestion(plain, CAPABILITY_NAMES)}`;
}
