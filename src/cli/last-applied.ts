/**
 * The manifest that was applied last, kept in kubectl's annotation: so nspod and kubectl can take turns, and a label
 * that disappears from the manifest disappears from the object, while those that others set stay. Pure.
 */
import { asWritten } from "../spec/manifest.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { isObject } from "../spec/schema.ts";
import type { JsonMap } from "../spec/strategic-merge.ts";

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

/** The JSON of an object as its author wrote it. */
export function wishOf(object: KubernetesObject): JsonMap {
  return JSON.parse(JSON.stringify(asWritten(object))) as JsonMap;
}

/** The wish with itself in the annotation, letter by letter as kubectl writes it. */
export function markApplied(wish: JsonMap): JsonMap {
  const metadata = isObject(wish["metadata"]) ? wish["metadata"] : {};
  const given = isObject(metadata["annotations"]) ? metadata["annotations"] : {};
  const { [lastAppliedAnnotation]: _, ...annotations } = given;
  const manifest = { ...wish, metadata: { ...metadata, annotations } };
  const text = `${JSON.stringify(sorted(manifest))}\n`;
  return {
    ...wish,
    metadata: { ...metadata, annotations: { ...annotations, [lastAppliedAnnotation]: text } },
  };
}

/** What was applied last; empty when nobody knows, also when somebody wrote nonsense there. */
export function lastApplied({ metadata }: KubernetesObject): JsonMap {
  try {
    const manifest: unknown = JSON.parse(metadata.annotations?.[lastAppliedAnnotation] ?? "{}");
    return isObject(manifest) ? manifest : {};
  } catch {
    return {};
  }
}

/** Fields in the order of their names, as Go writes maps. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : Number(a > b)));
  return Object.fromEntries(fields.map(([key, child]) => [key, sorted(child)]));
}
