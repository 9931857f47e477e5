/** Kind, namespace and name of an object as one text, for maps and queues. */
import type { KubernetesObject } from "../spec/resources.ts";

export function objectKey(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

export function keyOf({ kind, metadata }: KubernetesObject): string {
  return objectKey(kind, metadata.namespace, metadata.name);
}

/** The parts of a key; none of them holds a slash. */
export function splitKey(key: string): readonly [kind: string, namespace: string, name: string] {
  const [kind = "", namespace = "", name = ""] = key.split("/");
  return [kind, namespace, name];
}
