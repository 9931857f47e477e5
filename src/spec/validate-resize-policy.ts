/** `resizePolicy` of a container. Source: Kubernetes, "Resize CPU and Memory Resources", "Container resize policies". */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { Container, PodSpec } from "./pod.ts";
import { quote } from "./quote.ts";

const resources: readonly string[] = ["cpu", "memory"];
const policies: readonly string[] = ["NotRequired", "RestartContainer"];

/** Checks the policies of the container at `path`. */
export function validateResizePolicy(
  { resizePolicy = [] }: Container,
  path: string,
  { spec, report }: { readonly spec: PodSpec; readonly report: Report },
): void {
  const seen = new Set<string>();
  for (const [index, { resourceName, restartPolicy }] of resizePolicy.entries()) {
    const at = itemPath(childPath(path, "resizePolicy"), index);
    const name = childPath(at, "resourceName");
    if (!resources.includes(resourceName)) {
      report(name, `must be one of "cpu", "memory": got ${quote(resourceName)}`);
    }
    if (seen.has(resourceName)) report(name, `must be unique: got ${quote(resourceName)} again`);
    seen.add(resourceName);
    const policy = childPath(at, "restartPolicy");
    if (!policies.includes(restartPolicy)) {
      report(
        policy,
        `must be one of "NotRequired", "RestartContainer": got ${quote(restartPolicy)}`,
      );
    } else if (restartPolicy === "RestartContainer" && spec.restartPolicy === "Never") {
      report(policy, "must be 'NotRequired' when `restartPolicy` of the pod is 'Never'");
    }
  }
}
