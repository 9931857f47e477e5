/** Where two JSON values differ: for rules that say what may change in an object. */

import { childPath, itemPath, type Report } from "./field-issue.ts";

/** Path of the first field in which two JSON values differ, whatever the order of their fields. */
export function firstDifference(one: unknown, other: unknown, path: string): string | undefined {
  if (Object.is(one, other)) return undefined;
  if (Array.isArray(one) && Array.isArray(other)) {
    // A list that became longer or shorter has no single item to blame.
    if (one.length !== other.length) return path;
    return firstOf(one.keys(), (index) =>
      firstDifference(one[index], other[index], itemPath(path, index)),
    );
  }
  if (!isMap(one) || !isMap(other)) return path;
  return firstOf(new Set([...Object.keys(one), ...Object.keys(other)]), (key) =>
    firstDifference(one[key], other[key], childPath(path, key)),
  );
}

function firstOf<K>(keys: Iterable<K>, find: (key: K) => string | undefined): string | undefined {
  for (const key of keys) {
    const found = find(key);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Complains about a field that must stay as it is. */
export function checkImmutable(
  next: unknown,
  current: unknown,
  path: string,
  report: Report,
  message = "field is immutable",
): void {
  if (firstDifference(current, next, path) !== undefined) report(path, message);
}
