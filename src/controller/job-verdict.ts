/**
 * Whether a job has failed or succeeded, and why. Pure: once it is written into the status, it stays.
 *
 *   failed     FailJob rule · backoffLimit · activeDeadlineSeconds · maxFailedIndexes · no index left but failed ones
 *   succeeded  a rule of successPolicy · completions
 *
 * Source: Kubernetes, "Jobs", "Job termination and cleanup", "Success policy"; words of the job controller.
 */
import { parseIndexes } from "../spec/job-indexes.ts";
import type { Job, JobCondition, JobStatus } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { failureAction } from "./job-failure-policy.ts";
import { failedIndexes, heldPods } from "./job-index-failures.ts";
import { completedIndexes, hasFailed } from "./job-pods.ts";
import { isActive } from "./pod-readiness.ts";

export interface Verdict {
  readonly reason: string;
  readonly message: string;
}

/** Complete or Failed; undefined while the job is not finished. */
export function finishedCondition({ status }: Job): JobCondition | undefined {
  return status?.conditions?.find(
    ({ type, status: value }) => (type === "Complete" || type === "Failed") && value === "True",
  );
}

/** @param job - its status has all finished pods counted. */
export function failureOf(job: Job, pods: readonly Pod[], nowMs: number): Verdict | undefined {
  const { spec, status = {} } = job;
  const known = verdictIn(status, "FailureTarget");
  if (known !== undefined || verdictIn(status, "SuccessCriteriaMet") !== undefined) return known;
  for (const pod of pods) {
    const verdict = hasFailed(pod, job) ? failureAction(job, pod) : undefined;
    if (verdict?.action === "FailJob") {
      return { reason: "PodFailurePolicy", message: verdict.message };
    }
  }
  const limit = spec.backoffLimit ?? 6;
  const failed = (status.failed ?? 0) + heldPods(job, pods).size;
  if (failed > limit || isPastRestarts(job, pods, limit)) {
    const message = "Job has reached the specified backoff limit";
    return { reason: "BackoffLimitExceeded", message };
  }
  const dueMs = deadlineOf(job);
  if (dueMs !== undefined && dueMs <= nowMs) {
    const message = "Job was active longer than specified deadline";
    return { reason: "DeadlineExceeded", message };
  }
  return failureOfIndexes(job);
}

/** @param job - its status has all finished pods counted. */
export function successOf(job: Job, pods: readonly Pod[]): Verdict | undefined {
  const { spec, status = {} } = job;
  const known = verdictIn(status, "SuccessCriteriaMet");
  if (known !== undefined) return known;
  const rule = (spec.successPolicy?.rules ?? []).findIndex(
    ({ succeededIndexes, succeededCount }) => {
      const done = [...(completedIndexes(job) ?? [])];
      if (succeededIndexes === undefined) return done.length >= (succeededCount ?? Infinity);
      const wanted = parseIndexes(succeededIndexes, spec.completions ?? 0);
      const met = done.filter((index) => wanted.has(index));
      return met.length >= (succeededCount ?? wanted.size);
    },
  );
  if (rule !== -1) return { reason: "SuccessPolicy", message: `Matched rules at index ${rule}` };
  if (!isReached(job, pods)) return undefined;
  return { reason: "CompletionsReached", message: "Reached expected number of succeeded pods" };
}

/** When the job will have been active for too long; the time stands still while it is suspended, and begins anew. */
export function deadlineOf({ spec, status }: Job): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status?.startTime === undefined) return undefined;
  if (spec.suspend === true || isSuspended(status)) return undefined;
  return Date.parse(status.startTime) + 1000 * spec.activeDeadlineSeconds;
}

export function isSuspended({ conditions }: JobStatus): boolean {
  return conditions?.some(({ type, status }) => type === "Suspended" && status === "True") ?? false;
}

function verdictIn({ conditions = [] }: JobStatus, type: string): Verdict | undefined {
  const known = conditions.find((condition) => condition.type === type);
  return known && { reason: known.reason ?? "", message: known.message ?? "" };
}

/** Containers that are restarted in place count by their restarts. */
function isPastRestarts({ spec }: Job, pods: readonly Pod[], limit: number): boolean {
  if (spec.template.spec.restartPolicy !== "OnFailure") return false;
  const restarts = pods
    .filter(({ status }) => status?.phase === "Running" || status?.phase === "Pending")
    .flatMap(({ status }) => [
      ...(status?.initContainerStatuses ?? []),
      ...(status?.containerStatuses ?? []),
    ])
    .reduce((sum, { restartCount }) => sum + restartCount, 0);
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

function failureOfIndexes(job: Job): Verdict | undefined {
  const { completions = 0, maxFailedIndexes = Infinity } = job.spec;
  const failed = failedIndexes(job).size;
  if (failed > maxFailedIndexes) {
    const message = "Job has exceeded the specified maximal number of failed indexes";
    return { reason: "MaxFailedIndexesExceeded", message };
  }
  if (failed === 0 || failed + (completedIndexes(job)?.size ?? 0) < completions) return undefined;
  return { reason: "FailedIndexes", message: "Job has failed indexes" };
}

/** Without a number of completions, one success and the end of all others. */
function isReached({ spec, status = {} }: Job, pods: readonly Pod[]): boolean {
  const succeeded = status.succeeded ?? 0;
  if (spec.completions !== undefined) return succeeded >= spec.completions;
  return succeeded > 0 && !pods.some(isActive);
}
