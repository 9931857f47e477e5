/**
 * Ephemeral containers come to a pod that exists, by a path of their own, and stay as they are.
 * Source: Kubernetes, "Ephemeral Containers".
 */

import type { Report } from "./field-issue.ts";
import { firstDifference } from "./first-difference.ts";
import type { Pod } from "./pod.ts";
import { quote } from "./quote.ts";

const path = "spec.ephemeralContainers";

/** A new pod has none. */
export function validateNoEphemeralContainers({ spec }: Pod, report: Report): void {
  if ((spec.ephemeralContainers ?? []).length > 0) report(path, "cannot be set on create");
}

/** Those that are there stay as they are. */
export function validateEphemeralUpdate(next: Pod, current: Pod, report: Report): void {
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
