/** Cells of `get` for jobs, in kubectl's words. Pure. Source: kubernetes pkg/printers/internalversion. */

import { age } from "./age.ts";
import type { Job, LabelSelector, PodTemplateSpec } from "./kubernetes.gen.ts";

/** `Complete`, `Failed`, `Terminating`, `Suspended`, what it is about to be, or `Running`. */
export function jobStatusWord({ metadata, status }: Job): string {
  const has = (type: string): boolean =>
    status?.conditions?.some((item) => item.type === type && item.status === "True") ?? false;
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (metadata.deletionTimestamp !== undefined) return "Terminating";
  return ["Suspended", "FailureTarget", "SuccessCriteriaMet"].find(has) ?? "Running";
}

/** `2/5`; a job without a number of completions needs one: `0/1 of 3`. */
export function jobCompletions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

export function jobDuration({ status }: Job, nowMs: number): string {
  if (status?.startTime === undefined) return "";
  const { completionTime } = status;
  return age(status.startTime, completionTime === undefined ? nowMs : Date.parse(completionTime));
}

/** Names and images of the containers of a template, each as a list with commas. */
export function containerCells({ spec }: PodTemplateSpec): {
  readonly names: string;
  readonly images: string;
} {
  return {
    names: spec.containers.map(({ name }) => name).join(","),
    images: spec.containers.map(({ image }) => image).join(","),
  };
}

/** `app=web,tier in (a,b),!old`; `<none>` without any requirement. */
export function selectorText({
  matchLabels = {},
  matchExpressions = [],
}: LabelSelector = {}): string {
  const labels = Object.entries(matchLabels).map(([key, value]) => `${key}=${value}`);
  const expressions = matchExpressions.map(({ key, operator, values = [] }) => {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    return `${key} ${operator.toLowerCase()} (${values.join(",")})`;
  });
  return [...labels, ...expressions].join(",") || "<none>";
}
