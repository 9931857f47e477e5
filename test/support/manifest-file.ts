// The manifests of test/manifests: plain Kubernetes YAML that would run on a cluster unchanged.
import { join } from "node:path";

/** Path of a manifest, for commands: `manifestFile("basics")`. */
export function manifestFile(name: string): string {
  return join(import.meta.dirname, "../manifests", `${name}.yaml`);
}
