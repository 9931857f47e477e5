/**
 * Ephemeral containers: what they may not have, and that they can only be added.
 * Source: Kubernetes, "Ephemeral Containers"; API reference, core/v1 EphemeralContainer.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import { firstDifference } from "./first-difference.ts";
import type { Pod } from "./pod.ts";
import { quote } from "./quote.ts";

/** What a container for a look around has no use for. */
const FORBIDDEN = [
  "lifecycle",
  "livenessProbe",
  "ports",
  "readinessProbe",
  "resizePolicy",
  "resources",
  "restartPolicy",
  "restartPolicyRules",
  "startupProbe",
] as const;

/** Rules of the ephemeral containers themselves; those that they share with others are the caller's. */
export function validateEphemeralContainers({ spec }: Pod, report: Report): void {
  const targets = new Set(spec.containers.map(({ name }) => name));
  for (const [index, container] of (spec.ephemeralContainers ?? []).entries()) {
    const path = itemPath("spec.ephemeralContainers", index);
    for (const field of FORBIDDEN) {
      const value = container[field];
      const isEmpty = typeof value === "object" && Object.keys(value).length === 0;
      if (value !== undefined && !isEmpty) {
        report(childPath(path, field), "cannot be set for an Ephemeral Container");
      }
    }
    const { targetContainerName } = container;
    if (targetContainerName && !targets.has(targetContainerName)) {
      const message = `must be the name of a container of this pod: got ${quote(targetContainerName)}`;
      report(childPath(path, "targetContainerName"), message);
    }
    for (const [mount, { subPath, subPathExpr }] of (container.volumeMounts ?? []).entries()) {
      const at = itemPath(childPath(path, "volumeMounts"), mount);
      const message = "cannot be set for an Ephemeral Container";
      if (subPath) report(childPath(at, "subPath"), message);
      if (subPathExpr) report(childPath(at, "subPathExpr"), message);
    }
  }
}

/** Those that are there stay as they are. */
export function validateEphemeralUpdate(next: Pod, current: Pod, report: Report): void {
  const path = "spec.ephemeralContainers";
  const wanted = new Map((next.spec.ephemeralContainers ?? []).map((entry) => [entry.name, entry]));
  for (const container of current.spec.ephemeralContainers ?? []) {
    const kept = wanted.get(container.name);
    if (kept === undefined) {
      report(path, `existing ephemeral containers ${quote(container.name)} may not be removed`);
    } else if (firstDifference(container, kept, "") !== undefined) {
      report(path, `existing ephemeral containers ${quote(container.name)} may not be changed`);
    }
  }
}
