/**
 * CronJob: defaults and rules.
 * Source: Kubernetes API reference, batch/v1 CronJob; "CronJob".
 */
import { isTimeZone, parseCronSchedule } from "./cron-schedule.ts";
import type { Report } from "./field-issue.ts";
import { fillJobSpec, validateJobSpec } from "./job-rules.ts";
import type { KindRules } from "./kind-rules.ts";
import type { CronJob, CronJobSpec } from "./kubernetes.gen.ts";
import { writtenMeta } from "./pod-template.ts";
import { quote } from "./quote.ts";
import { type Complaint, checkDnsSubdomain } from "./validate-names.ts";

/** 63 characters of a job's name without the 11 of `-` and the minute. */
const longestName = 52;

export const cronJobRules: KindRules<CronJob> = {
  hasStatus: true,
  hasGeneration: true,
  checkName,
  fill: (cronJob) => ({ ...cronJob, spec: fillSpec(cronJob.spec) }),
  begin: (cronJob) => ({ ...cronJob, status: {} }),
  validate: ({ spec }, report) => validateSpec(spec, report),
};

function fillSpec(spec: CronJobSpec): CronJobSpec {
  const { metadata, spec: job } = spec.jobTemplate;
  return {
    ...spec,
    concurrencyPolicy: spec.concurrencyPolicy ?? "Allow",
    suspend: spec.suspend ?? false,
    successfulJobsHistoryLimit: spec.successfulJobsHistoryLimit ?? 3,
    failedJobsHistoryLimit: spec.failedJobsHistoryLimit ?? 1,
    jobTemplate: { metadata: writtenMeta(metadata), spec: fillJobSpec(job) },
  };
}

function checkName(name: string): Complaint {
  const complaint = checkDnsSubdomain(name);
  if (complaint !== undefined || name.length <= longestName) return complaint;
  return `must be no more than ${longestName} characters: got ${name.length}`;
}

function validateSpec(spec: CronJobSpec, report: Report): void {
  const { schedule, timeZone, jobTemplate } = spec;
  if (schedule === "") report("spec.schedule", "is required");
  else if (/TZ/.test(schedule)) {
    const message = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead";
    report("spec.schedule", message);
  } else {
    const parsed = parseCronSchedule(schedule);
    if (typeof parsed === "string") report("spec.schedule", parsed);
  }
  if (timeZone === "") report("spec.timeZone", "must be nil or non-empty string");
  else if (timeZone !== undefined && !isTimeZone(timeZone)) {
    report("spec.timeZone", `unknown time zone ${quote(timeZone)}`);
  }
  const counts = [
    ["startingDeadlineSeconds", spec.startingDeadlineSeconds],
    ["successfulJobsHistoryLimit", spec.successfulJobsHistoryLimit],
    ["failedJobsHistoryLimit", spec.failedJobsHistoryLimit],
  ] as const;
  for (const [field, value = 0] of counts) {
    if (value < 0) report(`spec.${field}`, `must be greater than or equal to 0: got ${value}`);
  }
  if (jobTemplate.spec.manualSelector === true) {
    report("spec.jobTemplate.spec.manualSelector", 'must be one of "nil", "false": got true');
  }
  validateJobSpec(jobTemplate.spec, "spec.jobTemplate.spec", report);
}
