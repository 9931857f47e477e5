/** The metadata that an API server completes before it stores an object: a generated name, the namespace. */

import type { ObjectMeta } from "./meta.ts";

/** What defaulting cannot know by itself. */
export interface DefaultOptions {
  /** Five characters for `generateName`, of bcdfghjklmnpqrstvwxz2456789. */
  readonly randomSuffix: () => string;
}

/** Longest base of a generated name: a name of 63 characters minus the suffix. */
const MAX_GENERATED_BASE = 58;

/** @param isNamespaced - else the object belongs to the cluster, and its namespace stays as it is written. */
export function defaultMetadata(
  metadata: ObjectMeta,
  isNamespaced: boolean,
  options: DefaultOptions,
): ObjectMeta {
  const base = metadata.generateName ?? "";
  const needsName = metadata.name === "" && base !== "";
  const name = needsName
    ? base.slice(0, MAX_GENERATED_BASE) + options.randomSuffix()
    : metadata.name;
  const namespace = metadata.namespace || (isNamespaced ? "default" : "");
  return { ...metadata, name, namespace };
}
