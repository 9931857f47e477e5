/**
 * Rules for hostUsers: false: a user namespace of its own has no rights over namespaces of the host, and holds
 * 65536 ids. Source: Kubernetes, "User Namespaces", limitations.
 */
import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { PodSpec } from "./pod.ts";

const MAX_ID = 65_535;

/** Checks what cannot stand beside `spec.hostUsers: false`. */
export function validateHostUsers(spec: PodSpec, report: Report): void {
  if (spec.hostUsers !== false) return;
  for (const field of ["hostNetwork", "hostPID", "hostIPC"] as const) {
    if (spec[field] === true) report(`spec.${field}`, "must not be true while hostUsers is false");
  }
  const check = (id: number | undefined, path: string): void => {
    if (id !== undefined && id > MAX_ID) {
      report(path, `must be at most ${MAX_ID} while hostUsers is false: got ${id}`);
    }
  };
  const pod = spec.securityContext ?? {};
  check(pod.runAsUser, "spec.securityContext.runAsUser");
  check(pod.runAsGroup, "spec.securityContext.runAsGroup");
  check(pod.fsGroup, "spec.securityContext.fsGroup");
  for (const [index, group] of (pod.supplementalGroups ?? []).entries()) {
    check(group, itemPath("spec.securityContext.supplementalGroups", index));
  }
  for (const list of ["initContainers", "containers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      const path = childPath(itemPath(`spec.${list}`, index), "securityContext");
      check(container.securityContext?.runAsUser, childPath(path, "runAsUser"));
      check(container.securityContext?.runAsGroup, childPath(path, "runAsGroup"));
      if ((container.volumeDevices ?? []).length > 0) {
        report(
          childPath(itemPath(`spec.${list}`, index), "volumeDevices"),
          "must not be set while hostUsers is false",
        );
      }
    }
  }
}
