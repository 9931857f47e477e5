/** Label selectors in objects. Source: Kubernetes API reference, meta/v1 LabelSelector. */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { LabelSelector } from "./kubernetes.gen.ts";
import { checkLabelValue, checkQualifiedName } from "./validate-names.ts";

/** Checks the selector at `path`. */
export function validateLabelSelector(
  { matchLabels = {}, matchExpressions = [] }: LabelSelector,
  path: string,
  report: Report,
): void {
  for (const [key, value] of Object.entries(matchLabels)) {
    const at = childPath(childPath(path, "matchLabels"), key);
    const keyComplaint = checkQualifiedName(key);
    if (keyComplaint !== undefined) report(at, `key ${keyComplaint}`, "key");
    const complaint = checkLabelValue(value);
    if (complaint !== undefined) report(at, complaint);
  }
  for (const [index, { key, operator, values = [] }] of matchExpressions.entries()) {
    const at = itemPath(childPath(path, "matchExpressions"), index);
    const keyComplaint = checkQualifiedName(key);
    if (keyComplaint !== undefined) report(childPath(at, "key"), keyComplaint);
    const valuesPath = childPath(at, "values");
    switch (operator) {
      case "In":
      case "NotIn":
        if (values.length === 0) report(valuesPath, "is required for operator In or NotIn");
        break;
      case "Exists":
      case "DoesNotExist":
        if (values.length > 0)
          report(valuesPath, "must be empty for operator Exists or DoesNotExist");
        break;
      default:
        report(
          childPath(at, "operator"),
          `must be one of "In", "NotIn", "Exists", "DoesNotExist": got "${String(operator)}"`,
        );
    }
    for (const [valueIndex, value] of values.entries()) {
      const complaint = checkLabelValue(value);
      if (complaint !== undefined) report(itemPath(valuesPath, valueIndex), complaint);
    }
  }
}
