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
    if (!leadsToWarning(next)) continue;
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

const known = new Map<string, boolean>();

/** Whether a definition, or one that it leads to, has a warned field: the rest need not be looked at. */
function leadsToWarning(definition: string): boolean {
  const before = known.get(definition);
  if (before !== undefined) return before;
  // Definitions may refer to themselves: that way there is nothing new.
  known.set(definition, false);
  const leads =
    fieldSupport[definition]?.warned !== undefined ||
    Object.values(definitions[definition] ?? {}).some((code) => {
      const next = code.replace(/[[\]{}!~]/g, "");
      return next in definitions && leadsToWarning(next);
    });
  known.set(definition, leads);
  return leads;
}
