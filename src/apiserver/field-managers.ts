/** Who has which field of a stored object, and what a conflict between them looks like to clients. */
import { firstDifference } from "../spec/first-difference.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import {
  afterUpdate,
  type FieldConflict,
  type FieldManager,
  type Writer,
} from "../spec/server-side-apply.ts";
import { RequestProblem } from "./problem.ts";

/** Content-Type of what is applied; clients send JSON, which is YAML. */
export const applyMediaType = "application/apply-patch+yaml";

type Managed = { readonly managedFields?: readonly FieldManager[] };

/** undefined: nobody has applied yet, and no book is kept. */
export function managersOf({ metadata }: KubernetesObject): readonly FieldManager[] | undefined {
  return (metadata as Managed).managedFields;
}

/**
 * The next state with its book. @param managers - after an apply; undefined: the writer has what has changed.
 * A book in which only times would be new stays as it is: an apply that changes nothing writes nothing.
 */
export function withManagers(
  next: KubernetesObject,
  current: KubernetesObject,
  writer: Writer,
  managers: readonly FieldManager[] | undefined,
): KubernetesObject {
  const known = managersOf(current);
  const { kind } = current;
  const book =
    managers ??
    afterUpdate({ current: { ...current }, next: { ...next }, kind, managers: known }, writer);
  if (book === undefined) return next;
  const untimed = (entries: readonly FieldManager[] = []): readonly object[] =>
    entries.map(({ time: _, ...entry }) => entry);
  const isSame = firstDifference(untimed(known), untimed(book), "") === undefined;
  const managedFields = isSame ? known : book;
  return { ...next, metadata: { ...next.metadata, ...(managedFields && { managedFields }) } };
}

/** Status 409 with a cause for each field. */
export function applyConflict(conflicts: readonly FieldConflict[]): RequestProblem {
  const byManager = Map.groupBy(conflicts, ({ manager }) => manager);
  const parts = [...byManager].map(
    ([manager, fields]) =>
      `conflict${fields.length === 1 ? "" : "s"} with "${manager}": ${fields.map(({ field }) => field).join(", ")}`,
  );
  const count = conflicts.length;
  return new RequestProblem(
    [409, "Conflict", "Conflict"],
    `Apply failed with ${count} conflict${count === 1 ? "" : "s"}: ${parts.join("; ")}`,
    {},
    {
      issues: conflicts.map(({ manager, field }) => ({
        path: field,
        message: `conflict with "${manager}"`,
      })),
    },
  );
}
