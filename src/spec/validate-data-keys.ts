/**
 * What ConfigMap and Secret have in common: keys that can be file names, and 1 MiB in total.
 * Source: Kubernetes, "ConfigMaps", "Secrets"; apimachinery "IsConfigMapKey".
 */

import { childPath, type Report } from "./field-issue.ts";
import { checkImmutable } from "./first-difference.ts";
import { quote } from "./quote.ts";
import type { Complaint } from "./validate-names.ts";

/** Of all keys and values together. */
export const MAX_DATA_BYTES: number = 1024 * 1024;

/** A key of ConfigMap or Secret: it can be the name of a file. */
export function checkDataKey(key: string): Complaint {
  if (key.length > 253) return `key must be at most 253 characters: got ${key.length}`;
  if (!/^[-._a-zA-Z0-9]+$/.test(key)) {
    return `key must be letters, digits, "-", "_" and ".": got ${quote(key)}`;
  }
  if (key === "." || key.startsWith(".."))
    return `key must not be "." nor begin with "..": got ${quote(key)}`;
  return undefined;
}

/** Complains about keys at `path`. */
export function validateDataKeys(keys: Iterable<string>, path: string, report: Report): void {
  for (const key of keys) {
    const complaint = checkDataKey(key);
    if (complaint !== undefined) report(childPath(path, key), complaint, "key");
  }
}

/** Bytes of base64 text when decoded. */
export function decodedBytes(base64: string): number {
  return (base64.length / 4) * 3 - (base64.endsWith("==") ? 2 : base64.endsWith("=") ? 1 : 0);
}

interface Sealable {
  readonly immutable?: boolean;
}

/** An object that is `immutable` keeps its data and stays immutable. */
export function validateSeal<T extends Sealable>(
  next: T,
  current: T,
  fields: readonly (keyof T & string)[],
  report: Report,
): void {
  if (current.immutable !== true) return;
  const message = "field is immutable when `immutable` is set";
  if (next.immutable !== true) report("immutable", message);
  for (const field of fields) {
    checkImmutable(next[field] ?? {}, current[field] ?? {}, field, report, message);
  }
}
