/**
 * What nspod does with every field of a pod, as rows: the manual page nspod-fields(7) is printed from them, and the
 * tests compare them with the manifests that they run. Pure; the facts stand in `definitions.gen.ts` (what Kubernetes
 * has) and `field-support.ts` (what nspod does).
 */
import { definitions } from "./definitions.gen.ts";
import { fieldSupport } from "./field-support.ts";
import { definitionOf } from "./visit-fields.ts";

export interface FieldRow {
  /** `Container` */
  readonly definition: string;
  /** `livenessProbe` */
  readonly field: string;
  readonly support: "done" | "warned" | "refused";
  /** Why it is refused, what does not happen, or what is done. */
  readonly note: string;
}

/** Rows of a definition and of all that it leads to, each definition once, in the order of first mention. */
export function fieldRows(root: string): readonly FieldRow[] {
  const rows: FieldRow[] = [];
  const queue = [root];
  const seen = new Set(queue);
  for (const definition of queue) {
    for (const [field, code] of Object.entries(definitions[definition] ?? {})) {
      const row = rowOf(definition, field);
      rows.push(row);
      const next = definitionOf(code);
      if (row.support === "refused" || next === undefined || seen.has(next)) continue;
      seen.add(next);
      queue.push(next);
    }
  }
  return rows;
}

function rowOf(definition: string, field: string): FieldRow {
  const { refused, warned, refusedValues, remarks } = fieldSupport[definition] ?? {};
  const refusal = refused?.[field];
  if (refusal !== undefined) return { definition, field, support: "refused", note: refusal };
  const warning = warned?.[field];
  if (warning !== undefined) return { definition, field, support: "warned", note: warning };
  const values = refusedValues?.[field];
  const note = values === undefined ? (remarks?.[field] ?? "") : `not ${values.join(", ")}`;
  return { definition, field, support: "done", note };
}
