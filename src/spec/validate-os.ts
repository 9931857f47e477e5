/**
 * Rules for spec.os and what depends on it: stop signals are names of one operating system.
 * Source: Kubernetes API reference, PodOS, Lifecycle.stopSignal.
 */
import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { PodSpec } from "./pod.ts";
import { quote } from "./quote.ts";

/** Checks `spec.os` and every `lifecycle.stopSignal`. */
export function validateOs(spec: PodSpec, report: Report): void {
  const name = spec.os?.name;
  if (name !== undefined && name !== "linux") {
    report("spec.os.name", `must be "linux", which nspod is for: got ${quote(name)}`);
  }
  if (name !== undefined) return;
  for (const list of ["initContainers", "containers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      if (container.lifecycle?.stopSignal === undefined) continue;
      const path = childPath(itemPath(`spec.${list}`, index), "lifecycle");
      report(childPath(path, "stopSignal"), "must not be set while spec.os.name is not set");
    }
  }
}
