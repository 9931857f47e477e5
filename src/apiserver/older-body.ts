/**
 * Bodies of a kind that Kubernetes had before 1.23: kubectl 1.20 sends the ephemeral containers of a pod alone. It
 * reads them in the same form, which is not served, so what it sends are those that it adds.
 * Source: Kubernetes API reference 1.22, core/v1 EphemeralContainers.
 */
import type { KubernetesObject } from "../spec/resources.ts";
import { isObject } from "../spec/schema.ts";

/** The body in today's form. @param current - the pod as it is. */
export function todaysBody(body: unknown, current: KubernetesObject): unknown {
  if (current.kind !== "Pod" || !isObject(body)) return body;
  if (body["kind"] !== "EphemeralContainers" || body["apiVersion"] !== "v1") return body;
  const pod = current as KubernetesObject & { readonly spec: Readonly<Record<string, unknown>> };
  const known = listOf(pod.spec["ephemeralContainers"]);
  const names = new Set(known.map((entry) => isObject(entry) && entry["name"]));
  const added = listOf(body["ephemeralContainers"]).filter(
    (entry) => !isObject(entry) || !names.has(entry["name"]),
  );
  return { ...pod, spec: { ...pod.spec, ephemeralContainers: [...known, ...added] } };
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
