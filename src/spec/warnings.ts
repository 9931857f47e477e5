/** What an object asks for and does not get: the warned fields of `field-support.ts` that are written in it. */

import { definitions } from "./definitions.gen.ts";
import { childPath, itemPath } from "./field-issue.ts";
import { fieldSupport } from "./field-support.ts";
import type { KubernetesObject } from "./resources.ts";
import { isObject } from "./schema.ts";

/** One sentence `path: what does not happen` per field, in the order of the object. */
export function warningsOf(object: KubernetesObject): readonly string[] {
  const found: string[] = [];
  visit(object.kind, object, "", found);
  return found;
}

function visit(definition: string, value: unknown, path: string, found: string[]): void {
  if (!isObject(value)) return;
  const warned = fieldSupport[definition]?.warned;
  for (const [field, content] of Object.entries(value)) {
    const code = definitions[definition]?.[field];
    if (code === undefined) continue;
    const at = childPath(path, field);
    const warning = warned?.[field];
    if (warning !== undefined) {
      found.push(`${at}: ${warning}`);
      continue;
    }
    const next = code.replace(/[[\]{}!~]/g, "");
    if (!(next in definitions)) continue;
    for (const [step, item] of stepsOf(code, content, at)) visit(next, item, step, found);
  }
}

function stepsOf(
  code: string,
  value: unknown,
  at: string,
): readonly (readonly [string, unknown])[] {
  if (code.startsWith("[")) {
    return Array.isArray(value) ? value.map((item, index) => [itemPath(at, index), item]) : [];
  }
  if (code.startsWith("{")) {
    return isObject(value)
      ? Object.entries(value).map(([key, item]) => [childPath(at, key), item])
      : [];
  }
  return [[at, value]];
}
