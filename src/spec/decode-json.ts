/**
 * Objects out of parsed JSON: the same schemas as for manifests, without places in a text.
 */

import { PodError } from "../base/errors.ts";
import { schemaOf } from "./definition-schema.ts";
import { type FieldIssue, IssueList, shownPath } from "./field-issue.ts";
import { readKind } from "./kinds.ts";
import type { Pod } from "./pod.ts";
import { type KubernetesObject, type Resource, resourceOfKind } from "./resources.ts";

export interface DecodeOptions {
  /** The only kind that may come. */
  readonly resource?: Resource;
  /** Takes fields that Kubernetes does not have, which are left out then; absent: they are complaints. */
  readonly onUnknownField?: (path: string, message: string) => void;
}

/**
 * Decodes an object of any kind of `resources.ts` strictly.
 * @param value - as `JSON.parse` returns it
 * @throws PodError InvalidArgument with one line `path: message` per complaint and the same list in `data.issues`
 */
export function decodeObject(value: unknown, options: DecodeOptions = {}): KubernetesObject {
  const { issues, report } = new IssueList();
  const found = readKind(value, "", report);
  const resource = found !== undefined && "resource" in found ? found.resource : undefined;
  const wanted = options.resource?.kind ?? resource?.kind;
  if (found !== undefined && (resource === undefined || resource.kind !== wanted)) {
    const kind = (value as KubernetesObject).kind;
    report(
      "kind",
      wanted === undefined ? "must not be a list" : `must be "${wanted}": got "${kind}"`,
    );
  }
  if (issues.length > 0 || resource === undefined) throw invalidObject(issues);
  const { onUnknownField } = options;
  const object = schemaOf<KubernetesObject>(resource.kind).decode(value, "", {
    report,
    ...(onUnknownField !== undefined && { onUnknownField }),
  });
  if (issues.length > 0) throw invalidObject(issues);
  return object;
}

/** Decodes a Pod strictly. @throws PodError as `decodeObject` */
export function decodePod(value: unknown): Pod {
  const resource = resourceOfKind("Pod");
  // Its kind was checked, and the schema of the kind made it.
  return decodeObject(value, resource === undefined ? {} : { resource }) as Pod;
}

/** One error for all complaints about an object: a line `path: message` for each. */
export function invalidObject(issues: readonly FieldIssue[]): PodError {
  const shown = issues.map(({ path, message }) => ({ path: shownPath(path), message }));
  const lines = shown.map(({ path, message }) => (path === "" ? message : `${path}: ${message}`));
  return new PodError("InvalidArgument", lines.join("\n"), { data: { issues: shown } });
}
