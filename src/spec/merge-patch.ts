/** JSON merge patch: maps are merged, null removes, everything else replaces. Source: RFC 7386. */

import { isObject } from "./schema.ts";

/** The document with the patch; neither argument is changed. */
export function mergePatch(document: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map<string, unknown>(isObject(document) ? Object.entries(document) : []);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) merged.delete(key);
    else merged.set(key, mergePatch(merged.get(key), value));
  }
  // Defines "__proto__" as a key like any other.
  return Object.fromEntries(merged);
}
