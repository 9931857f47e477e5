// The manifests of test/manifests: plain Kubernetes YAML that would run on a cluster unchanged.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";

/** Path of a manifest, for commands: `manifestFile("basics")`. */
export function manifestFile(name: string): string {
  return join(import.meta.dirname, "../manifests", `${name}.yaml`);
}

/** The objects of a manifest. */
export function readManifests(
  name: string,
): readonly { readonly kind: string; readonly metadata: { readonly name: string } }[] {
  // The YAML of Kubernetes: 0440 is octal.
  const options = { version: "1.1" } as const;
  const documents = parseAllDocuments(readFileSync(manifestFile(name), "utf8"), options);
  return documents.map((document) => document.toJS());
}
