// What the tests of kubectl send on its stdin, and read back.
import type { Kubectl } from "./kubectl.ts";
import { sleeper } from "./pods.ts";

export const apply = ["apply", "-f", "-"] as const;

export function configMap(name: string, data: Record<string, string>, labels = {}): string {
  return JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels }, data });
}

export function listOf(...objects: readonly string[]): string {
  return `{"apiVersion":"v1","kind":"List","items":[${objects.join(",")}]}`;
}

/** A workload with pods of the label app=`name`, which end when they are told to. */
export function workload(kind: string, name: string, spec: object = {}, annotations = {}): string {
  const labels = { app: name };
  return JSON.stringify({
    apiVersion: "apps/v1",
    kind,
    metadata: { name, annotations },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { terminationGracePeriodSeconds: 1, containers: [sleeper("main")] },
      },
      ...spec,
    },
  });
}

export function deployment(name: string): string {
  return workload("Deployment", name);
}

/** A field of `kind/name` by its JSON path. */
export async function field(kubectl: Kubectl, object: string, path: string): Promise<string> {
  return await kubectl.must(["get", object, `-o=jsonpath={${path}}`]);
}

/** The data of a ConfigMap. */
export async function dataOf(kubectl: Kubectl, name: string): Promise<unknown> {
  return JSON.parse(await kubectl.must(["get", "cm", name, "-o", "json"])).data;
}
