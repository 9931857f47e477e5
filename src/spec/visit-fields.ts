/** Walks an object along the generated definitions: which field of which definition stands where. Pure. */
import { definitions } from "./definitions.gen.ts";
import { childPath, itemPath } from "./field-issue.ts";
import { isObject } from "./schema.ts";

/** A field that is written in an object. */
export interface WrittenField {
  /** `Container` */
  readonly definition: string;
  /** `image` */
  readonly field: string;
  /** `spec.containers[0].image` */
  readonly path: string;
}

/**
 * Calls `visit` for every field that is written and that Kubernetes knows, outer ones first.
 * @param definition - of the object: a kind, or e.g. "PodSpec"
 * @param visit - false: what stands in this field is not looked at
 */
export function visitFields(
  definition: string,
  object: unknown,
  visit: (written: WrittenField) => boolean,
  path = "",
): void {
  if (!isObject(object)) return;
  for (const [field, value] of Object.entries(object)) {
    const code = definitions[definition]?.[field];
    if (code === undefined) continue;
    const at = childPath(path, field);
    const next = definitionOf(code);
    if (!visit({ definition, field, path: at }) || next === undefined) continue;
    for (const [step, item] of stepsOf(code, value, at)) visitFields(next, item, visit, step);
  }
}

/** The definition that a field's code leads to: `[Container]!` → `Container`; undefined for plain values. */
export function definitionOf(code: string): string | undefined {
  const name = code.replace(/[[\]{}!~]/g, "");
  return name in definitions ? name : undefined;
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
