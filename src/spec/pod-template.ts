/**
 * The pods that controllers make: defaults and rules of `spec.template` and of the selector that finds them.
 * Source: Kubernetes API reference, core/v1 PodTemplateSpec; apps/v1, "selector".
 */
import { defaultSpec } from "./default-pod.ts";
import { IssueList, joinPath, messageText, type Report } from "./field-issue.ts";
import { firstDifference } from "./first-difference.ts";
import type { LabelSelector, PodTemplateSpec } from "./kubernetes.gen.ts";
import { matchesLabels } from "./match-selector.ts";
import type { ObjectMeta } from "./meta.ts";
import type { Pod } from "./pod.ts";
import { validateLabelSelector } from "./validate-label-selector.ts";
import { validateMetadata } from "./validate-metadata.ts";
import { validatePodSpec } from "./validate-pod.ts";

/** The template with the defaults of a pod. */
export function fillPodTemplate({ metadata, spec }: PodTemplateSpec): PodTemplateSpec {
  return { metadata: writtenMeta(metadata), spec: defaultSpec(spec) };
}

/** What a template says of its pods is labels and annotations: names are not stored, and nobody asks for them. */
export function writtenMeta(metadata: ObjectMeta): ObjectMeta {
  const kept = Object.entries(metadata).filter(([, value]) => value !== "");
  return Object.fromEntries(kept) as unknown as ObjectMeta;
}

/** A pod as the template wishes it, without a name. */
export function podOfTemplate({ metadata, spec }: PodTemplateSpec, namespace: string): Pod {
  const { labels, annotations } = metadata;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "",
      namespace,
      uid: "",
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
    spec,
  };
}

/** Rules of `spec.selector` and `spec.template` of a controller whose pods run until they are stopped. */
export function validateSelectorAndTemplate(
  { selector, template }: { readonly selector: LabelSelector; readonly template: PodTemplateSpec },
  report: Report,
): void {
  validateLabelSelector(selector, "spec.selector", report);
  const { matchLabels = {}, matchExpressions = [] } = selector;
  if (Object.keys(matchLabels).length + matchExpressions.length === 0) {
    report("spec.selector", "empty selector is invalid for this kind");
  } else if (!matchesLabels(selector, template.metadata.labels ?? {})) {
    report("spec.template.metadata.labels", "selector does not match template labels");
  }
  validatePodTemplate(template, "spec.template", report);
  const { restartPolicy, activeDeadlineSeconds } = template.spec;
  if (restartPolicy !== "Always") {
    report("spec.template.spec.restartPolicy", `must be "Always": got "${restartPolicy}"`);
  }
  if (activeDeadlineSeconds !== undefined) {
    report(
      "spec.template.spec.activeDeadlineSeconds",
      "must not be set: the pods of this kind run until they are stopped",
    );
  }
}

/** Rules of the pod in a template at `path`. */
export function validatePodTemplate(template: PodTemplateSpec, path: string, report: Report): void {
  const pod = podOfTemplate(template, "default");
  const { issues, report: collect } = new IssueList();
  // Any name will do: its controller gives it one.
  validateMetadata({ ...pod.metadata, name: "pod" }, collect);
  validatePodSpec(pod, collect);
  for (const { path: below, message, at } of issues) {
    report(joinPath(path, below), messageText(message), at);
  }
  if ((template.spec.ephemeralContainers ?? []).length > 0) {
    report(
      joinPath(path, "spec.ephemeralContainers"),
      "must not be set: ephemeral containers are added to pods that run",
    );
  }
}

/** The selector says whose pods are whose: it stays. */
export function validateSameSelector(
  next: LabelSelector,
  current: LabelSelector,
  report: Report,
): void {
  if (firstDifference(current, next, "") !== undefined) {
    report("spec.selector", "field is immutable");
  }
}

/** Checks a count that may not be negative. */
export function validateCount(value: number | undefined, path: string, report: Report): void {
  if (value !== undefined && value < 0) {
    report(path, `must be greater than or equal to 0: got ${value}`);
  }
}
