/** What an object asks for and does not get: the warned fields of `field-support.ts` that are written in it. */
import { fieldSupport } from "./field-support.ts";
import type { KubernetesObject } from "./resources.ts";
import { visitFields } from "./visit-fields.ts";

/** One sentence `path: what does not happen` per field, in the order of the object. */
export function warningsOf(object: KubernetesObject): readonly string[] {
  const found: string[] = [];
  visitFields(object.kind, object, ({ definition, field, path }) => {
    const warning = fieldSupport[definition]?.warned?.[field];
    if (warning !== undefined) found.push(`${path}: ${warning}`);
    return warning === undefined;
  });
  return found;
}
