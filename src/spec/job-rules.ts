/**
 * Job: defaults, rules, and what may change later; also those of the template in a CronJob.
 * Source: Kubernetes API reference, batch/v1 Job; "Jobs".
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import { checkImmutable } from "./first-difference.ts";
import { checkIndexes, parseIndexes } from "./job-indexes.ts";
import type { KindRules } from "./kind-rules.ts";
import type { Job, JobSpec, PodFailurePolicyRule, PodTemplateSpec } from "./kubernetes.gen.ts";
import { matchesLabels } from "./match-selector.ts";
import { fillPodTemplate, validatePodTemplate } from "./pod-template.ts";
import { quote } from "./quote.ts";
import { validateLabelSelector } from "./validate-label-selector.ts";
import { checkDnsLabel, checkQualifiedName } from "./validate-names.ts";

/** Labels that the pods of a job have. */
export const jobLabels = {
  name: "batch.kubernetes.io/job-name",
  uid: "batch.kubernetes.io/controller-uid",
  index: "batch.kubernetes.io/job-completion-index",
  /** From before the prefix: programs still select by them. */
  oldName: "job-name",
  oldUid: "controller-uid",
} as const;

/** `managedBy` of jobs that nspod works for. */
export const jobController = "kubernetes.io/job-controller";

const mostIndexes = 100_000;
const mostRules = 20;
/** With a limit for each index the job has none unless it asks for one. */
const noLimit = 2 ** 31 - 1;

export const jobRules: KindRules<Job> = {
  hasStatus: true,
  hasGeneration: true,
  fill: (job) => ({ ...job, spec: fillJobSpec(job.spec) }),
  begin: (job) => ({ ...job, status: {} }),
  identify: withSelector,
  validate({ metadata, spec }, report) {
    validateJobSpec(spec, "spec", report);
    const isIndexed = spec.completionMode === "Indexed";
    const longest = isIndexed ? `${metadata.name}-${(spec.completions ?? 1) - 1}` : metadata.name;
    const complaint = metadata.name === "" ? undefined : checkDnsLabel(longest);
    if (complaint !== undefined && isIndexed) report("metadata.name", complaint);
  },
  validateCreate({ spec }, report) {
    if (spec.manualSelector === true && spec.selector === undefined) {
      report("spec.selector", "is required when manualSelector is true");
    } else if (spec.manualSelector !== true && spec.selector !== undefined) {
      report("spec.selector", "`selector` not auto-generated: set manualSelector to choose one");
    }
  },
  validateUpdate: validateChange,
};

/** Defaults of a job, also of the one in a CronJob. */
export function fillJobSpec(spec: JobSpec): JobSpec {
  // Without both, one pod runs once.
  const isSingle = spec.completions === undefined && spec.parallelism === undefined;
  const hasPolicy = spec.podFailurePolicy !== undefined;
  return {
    ...spec,
    parallelism: spec.parallelism ?? 1,
    ...(isSingle && { completions: 1 }),
    completionMode: spec.completionMode ?? "NonIndexed",
    backoffLimit: spec.backoffLimit ?? (spec.backoffLimitPerIndex === undefined ? 6 : noLimit),
    podReplacementPolicy:
      spec.podReplacementPolicy ?? (hasPolicy ? "Failed" : "TerminatingOrFailed"),
    suspend: spec.suspend ?? false,
    manualSelector: spec.manualSelector ?? false,
    template: fillPodTemplate(spec.template),
  };
}

/** The selector and the labels that only pods of this job can have, unless its author chose them. */
function withSelector(job: Job): Job {
  const { metadata, spec } = job;
  if (spec.manualSelector === true) return job;
  const { uid, name } = metadata;
  const { template } = spec;
  const labels = {
    ...template.metadata.labels,
    [jobLabels.uid]: uid,
    [jobLabels.name]: name,
    [jobLabels.oldUid]: uid,
    [jobLabels.oldName]: name,
  };
  const hasOwn = Object.keys(metadata.labels ?? {}).length > 0;
  return {
    ...job,
    // A job without labels has those of its pods.
    metadata: { ...metadata, ...(!hasOwn && { labels }) },
    spec: {
      ...spec,
      selector: { matchLabels: { [jobLabels.uid]: uid } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** Rules of a job at `path`, also of the one in a CronJob. */
export function validateJobSpec(spec: JobSpec, path: string, report: Report): void {
  const at = (field: string): string => childPath(path, field);
  const counts = [
    ["parallelism", spec.parallelism],
    ["completions", spec.completions],
    ["activeDeadlineSeconds", spec.activeDeadlineSeconds],
    ["backoffLimit", spec.backoffLimit],
    ["backoffLimitPerIndex", spec.backoffLimitPerIndex],
    ["maxFailedIndexes", spec.maxFailedIndexes],
    ["ttlSecondsAfterFinished", spec.ttlSecondsAfterFinished],
  ] as const;
  for (const [field, value = 0] of counts) {
    if (value < 0) report(at(field), `must be greater than or equal to 0: got ${value}`);
  }
  if (spec.completionMode === "Indexed") validateIndexed(spec, path, report);
  if (spec.managedBy !== undefined) {
    const complaint =
      checkQualifiedName(spec.managedBy) ??
      (spec.managedBy.includes("/")
        ? undefined
        : 'must be a domain and a path: "example.com/name"');
    if (complaint !== undefined) report(at("managedBy"), complaint);
  }
  if (spec.selector !== undefined) {
    validateLabelSelector(spec.selector, at("selector"), report);
    if (!matchesLabels(spec.selector, spec.template.metadata.labels ?? {})) {
      report(
        `${at("template")}.metadata.labels`,
        "`selector` does not match template `labels`: give the template the labels that spec.selector asks for",
      );
    }
  }
  validateIndexLimits(spec, path, report);
  validateSuccessPolicy(spec, at("successPolicy"), report);
  validateFailurePolicy(spec, at("podFailurePolicy"), report);
  validatePodTemplate(spec.template, at("template"), report);
  validateRestartPolicy(spec, `${at("template")}.spec.restartPolicy`, report);
}

function validateIndexed(spec: JobSpec, path: string, report: Report): void {
  if (spec.completions === undefined) {
    report(childPath(path, "completions"), "is required when completion mode is Indexed");
  } else if (spec.completions > mostIndexes) {
    report(
      childPath(path, "completions"),
      `must be at most ${mostIndexes} when completion mode is Indexed: got ${spec.completions}`,
    );
  }
  if ((spec.parallelism ?? 1) > mostIndexes) {
    report(
      childPath(path, "parallelism"),
      `must be less than or equal to ${mostIndexes} when completion mode is Indexed: got ${spec.parallelism}`,
    );
  }
}

/** Fields that only an Indexed job may have, and how they belong together. */
function validateIndexLimits(spec: JobSpec, path: string, report: Report): void {
  const { backoffLimitPerIndex, maxFailedIndexes, completions = 0 } = spec;
  if (spec.completionMode !== "Indexed") {
    for (const field of ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] as const) {
      if (spec[field] !== undefined) {
        report(childPath(path, field), "requires indexed completion mode");
      }
    }
  }
  if (maxFailedIndexes === undefined) return;
  const at = childPath(path, "maxFailedIndexes");
  if (backoffLimitPerIndex === undefined) {
    report(childPath(path, "backoffLimitPerIndex"), "is required when maxFailedIndexes is set");
  }
  if (maxFailedIndexes > completions) {
    report(at, `must be less than or equal to completions, which is ${completions}`);
  }
}

function validateSuccessPolicy(
  { successPolicy, completions = 0 }: JobSpec,
  path: string,
  report: Report,
): void {
  if (successPolicy === undefined) return;
  const { rules } = successPolicy;
  if (rules.length === 0) report(`${path}.rules`, "at least one rule is required");
  if (rules.length > mostRules) report(`${path}.rules`, `must have at most ${mostRules} items`);
  for (const [index, { succeededIndexes, succeededCount }] of rules.entries()) {
    const at = itemPath(`${path}.rules`, index);
    if (succeededIndexes === undefined && succeededCount === undefined) {
      report(at, "at least one of succeededCount and succeededIndexes is required");
    }
    const complaint = succeededIndexes && checkIndexes(succeededIndexes, completions);
    if (complaint) report(`${at}.succeededIndexes`, complaint);
    const most =
      succeededIndexes === undefined
        ? completions
        : parseIndexes(succeededIndexes, completions).size;
    const isCountWrong =
      succeededCount !== undefined && (succeededCount < 1 || succeededCount > most);
    if (!complaint && isCountWrong) {
      report(`${at}.succeededCount`, `must be 1 to ${most}: got ${succeededCount}`);
    }
  }
}

function validateRestartPolicy(
  { template, podFailurePolicy, backoffLimitPerIndex }: JobSpec,
  path: string,
  report: Report,
): void {
  const policy = template.spec.restartPolicy;
  if (policy !== "OnFailure" && policy !== "Never") {
    report(path, `must be one of "OnFailure", "Never": got ${quote(policy ?? "")}`);
  } else if (podFailurePolicy !== undefined && policy !== "Never") {
    report(path, 'only "Never" is supported when podFailurePolicy is specified');
  } else if (backoffLimitPerIndex !== undefined && policy !== "Never") {
    report(path, 'only "Never" is supported when backoffLimitPerIndex is specified');
  }
}

function validateFailurePolicy(spec: JobSpec, path: string, report: Report): void {
  if (spec.podFailurePolicy === undefined) return;
  const names = [
    ...(spec.template.spec.initContainers ?? []),
    ...spec.template.spec.containers,
  ].map(({ name }) => name);
  const { rules } = spec.podFailurePolicy;
  if (rules.length > mostRules) report(`${path}.rules`, `must have at most ${mostRules} items`);
  for (const [index, rule] of rules.entries()) {
    const at = itemPath(`${path}.rules`, index);
    validateRule(rule, at, names, report);
    if (rule.action === "FailIndex" && spec.backoffLimitPerIndex === undefined) {
      report(`${at}.action`, '"FailIndex" requires backoffLimitPerIndex to be set');
    }
  }
  if (spec.podReplacementPolicy !== "Failed") {
    const message = 'must be "Failed" when podFailurePolicy is specified';
    report(path.replace(/podFailurePolicy$/, "podReplacementPolicy"), message);
  }
}

function validateRule(
  { onExitCodes, onPodConditions = [] }: PodFailurePolicyRule,
  path: string,
  names: readonly string[],
  report: Report,
): void {
  if (onExitCodes === undefined && onPodConditions.length === 0) {
    report(path, "specifying one of OnExitCodes and OnPodConditions is required");
  } else if (onExitCodes !== undefined && onPodConditions.length > 0) {
    report(path, "specifying both OnExitCodes and OnPodConditions is not supported");
  }
  if (onExitCodes === undefined) return;
  const { operator, values, containerName } = onExitCodes;
  const at = childPath(path, "onExitCodes");
  if (values.length === 0) report(`${at}.values`, "at least one value is required");
  if (operator === "In" && values.includes(0)) {
    report(`${at}.values`, "must not be 0 for the In operator");
  }
  if (values.some((value, index) => index > 0 && value <= Number(values[index - 1]))) {
    report(`${at}.values`, "must be ordered and without duplicates");
  }
  if (containerName !== undefined && !names.includes(containerName)) {
    report(
      `${at}.containerName`,
      `must be one of the container or initContainer names in the pod template: got ${quote(containerName)}`,
    );
  }
}

function validateChange(next: Job, current: Job, report: Report): void {
  const isElastic =
    next.spec.completionMode === "Indexed" && next.spec.completions === next.spec.parallelism;
  const fixed = [
    "selector",
    "completionMode",
    "podFailurePolicy",
    "successPolicy",
    "backoffLimitPerIndex",
    "managedBy",
    "manualSelector",
    ...(isElastic ? [] : (["completions"] as const)),
  ] as const;
  for (const field of fixed) {
    checkImmutable(next.spec[field], current.spec[field], `spec.${field}`, report);
  }
  const canMove = current.spec.suspend === true && current.status?.startTime === undefined;
  const part = canMove ? withoutPlacement : (template: PodTemplateSpec) => template;
  checkImmutable(part(next.spec.template), part(current.spec.template), "spec.template", report);
}

/** What may change while a job that is suspended has not started: where its pods go. */
function withoutPlacement({ metadata, spec }: PodTemplateSpec): unknown {
  const { affinity, nodeSelector, tolerations, schedulingGates, ...rest } = spec;
  const { labels, annotations, ...identity } = metadata;
  return { metadata: identity, spec: rest };
}
