/**
 * A Pod out of a parsed JSON body: the same schema as for manifests, without places in a text.
 */

import { PodError } from "../base/errors.ts";
import { schemaOf } from "./definition-schema.ts";
import { type FieldIssue, IssueList, shownPath } from "./field-issue.ts";
import { readKind } from "./kinds.ts";
import type { Pod } from "./pod.ts";

/**
 * Decodes a Pod strictly.
 * @param value - as `JSON.parse` returns it
 * @throws PodError InvalidArgument with one line `path: message` per complaint and the same list in `data.issues`
 */
export function decodePod(value: unknown): Pod {
  const { issues, report } = new IssueList();
  const kind = readKind(value, "", report);
  if (kind !== undefined && kind !== "Pod") {
    report("kind", `must be "Pod": got "${kind}"`);
  }
  if (issues.length > 0) {
    throw invalidObject(issues);
  }
  const pod = schemaOf<Pod>("Pod").decode(value, "", { report });
  if (issues.length > 0) {
    throw invalidObject(issues);
  }
  return pod;
}

/** One error for all complaints about an object: a line `path: message` for each. */
export function invalidObject(issues: readonly FieldIssue[]): PodError {
  const shown = issues.map(({ path, message }) => ({ path: shownPath(path), message }));
  const lines = shown.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  return new PodError("InvalidArgument", lines.join("\n"), { data: { issues: shown } });
}
