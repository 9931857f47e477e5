/**
 * What a job does next, by its spec, its counts and its pods. Pure.
 *
 *   suspended          no pods
 *   failed             FailureTarget ─▶ its pods are deleted ─▶ none is left ─▶ Failed
 *   enough succeeded   SuccessCriteriaMet ─▶ surplus pods are deleted ─▶ none is left ─▶ Complete
 *   else               as many pods as parallelism, what is left to do and the back-off allow
 *
 * Source: Kubernetes, "Jobs"; words of the job controller.
 */
import { toTime } from "../base/clock.ts";
import type { Job, JobCondition, JobStatus } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import type { ControllerEvent } from "./controller.ts";
import { completedIndexes } from "./count-job.ts";
import { failureAction } from "./job-failure-policy.ts";
import {
  finishedAtMs,
  hasFailed,
  hasSucceeded,
  indexOf,
  isTerminating,
  isTracked,
} from "./job-pods.ts";
import { earliest } from "./key-queue.ts";
import { isActive, isReady } from "./pod-readiness.ts";

export interface JobPlan {
  /** Without the pods that the plan makes and deletes. */
  readonly status: JobStatus;
  /** Indexes of the pods to make; undefined for a pod without one. */
  readonly create: readonly (number | undefined)[];
  readonly remove: readonly Pod[];
  /** Whether the pods that are removed are failures of the job. */
  readonly countsRemoved: boolean;
  readonly events: readonly ControllerEvent[];
  /** When to look again although nothing has changed, in wall clock ms. */
  readonly againMs?: number | undefined;
}

/** 10 s, 20 s, 40 s … six minutes. */
const firstBackOffMs = 10_000;
const lastBackOffMs = 360_000;
/** A job that asks for thousands of pods leaves others their turn. */
const mostAtOnce = 500;

/**
 * @param job - its status has all finished pods counted (count-job.ts).
 * @param pods - those that it controls.
 */
export function planJob(job: Job, pods: readonly Pod[], nowMs: number): JobPlan {
  const { spec, status: before = {} } = job;
  const active = pods.filter(isActive);
  const terminating = pods.filter(isTerminating);
  const base = { ...before, ...countsOf(active, terminating) };
  const none = { create: [], remove: [], countsRemoved: false, events: [] };
  if (finishedCondition(job) !== undefined) return { ...none, status: base };
  const failure = failureOf(job, pods, nowMs);
  if (failure !== undefined) {
    const status = withCondition(base, condition("FailureTarget", failure, nowMs));
    if (active.length + terminating.length > 0) {
      return { ...none, status, remove: active, countsRemoved: true };
    }
    const event = { type: "Warning", ...failure } as const;
    const final = withCondition(status, condition("Failed", failure, nowMs));
    return { ...none, status: final, events: [event] };
  }
  if (isReached(job, active)) {
    const status = withCondition(base, condition("SuccessCriteriaMet", reached, nowMs));
    if (active.length + terminating.length > 0) return { ...none, status, remove: active };
    const event = { type: "Normal", reason: "Completed", message: "Job completed" } as const;
    const final = withCondition(status, condition("Complete", reached, nowMs));
    return { ...none, status: { ...final, completionTime: toTime(nowMs) }, events: [event] };
  }
  if (spec.suspend === true) return suspend({ ...none, status: base }, active, nowMs);
  return work(job, resume({ ...none, status: base }, nowMs), { pods, active, terminating, nowMs });
}

/** Complete or Failed; undefined while the job is not finished. */
export function finishedCondition({ status }: Job): JobCondition | undefined {
  return status?.conditions?.find(
    ({ type, status: value }) => (type === "Complete" || type === "Failed") && value === "True",
  );
}

interface Reason {
  readonly reason: string;
  readonly message: string;
}

const reached: Reason = {
  reason: "CompletionsReached",
  message: "Reached expected number of succeeded pods",
};

function countsOf(active: readonly Pod[], terminating: readonly Pod[]): JobStatus {
  const ready = active.filter(isReady);
  // 0 clears what was there before.
  return { active: active.length, ready: ready.length, terminating: terminating.length };
}

/** Why the job has failed; once it has, the reason stays. */
function failureOf(job: Job, pods: readonly Pod[], nowMs: number): Reason | undefined {
  const { spec, status = {} } = job;
  const known = status.conditions?.find(({ type }) => type === "FailureTarget");
  if (known !== undefined) return { reason: known.reason ?? "", message: known.message ?? "" };
  for (const pod of pods) {
    const verdict = hasFailed(pod, job) ? failureAction(job, pod) : undefined;
    if (verdict?.action === "FailJob") {
      return { reason: "PodFailurePolicy", message: verdict.message };
    }
  }
  const limit = spec.backoffLimit ?? 6;
  if ((status.failed ?? 0) > limit || isPastRestarts(job, pods, limit)) {
    const message = "Job has reached the specified backoff limit";
    return { reason: "BackoffLimitExceeded", message };
  }
  const deadlineMs = deadlineOf(job);
  if (deadlineMs !== undefined && deadlineMs <= nowMs) {
    const message = "Job was active longer than specified deadline";
    return { reason: "DeadlineExceeded", message };
  }
  return undefined;
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

/** The time stands still while a job is suspended, and begins anew when it goes on. */
function deadlineOf({ spec, status }: Job): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || status?.startTime === undefined) return undefined;
  if (spec.suspend === true || isSuspended(status)) return undefined;
  return Date.parse(status.startTime) + 1000 * spec.activeDeadlineSeconds;
}

/** Without a number of completions, one success and the end of all others. */
function isReached({ spec, status = {} }: Job, active: readonly Pod[]): boolean {
  const succeeded = status.succeeded ?? 0;
  if (spec.completions !== undefined) return succeeded >= spec.completions;
  return succeeded > 0 && active.length === 0;
}

type Draft = Omit<JobPlan, "againMs">;

function suspend(draft: Draft, active: readonly Pod[], nowMs: number): JobPlan {
  const reason = { reason: "JobSuspended", message: "Job suspended" };
  const isKnown = isSuspended(draft.status);
  return {
    ...draft,
    status: withCondition(draft.status, condition("Suspended", reason, nowMs)),
    remove: active,
    events: isKnown ? [] : [{ type: "Normal", reason: "Suspended", message: "Job suspended" }],
  };
}

/** A job that goes on begins its time anew. */
function resume(draft: Draft, nowMs: number): Draft {
  const { status } = draft;
  if (!isSuspended(status)) {
    return { ...draft, status: { ...status, startTime: status.startTime ?? toTime(nowMs) } };
  }
  const reason = { reason: "JobResumed", message: "Job resumed" };
  const resumed = withCondition(status, {
    ...condition("Suspended", reason, nowMs),
    status: "False",
  });
  return {
    ...draft,
    status: { ...resumed, startTime: toTime(nowMs) },
    events: [{ type: "Normal", reason: "Resumed", message: "Job resumed" }],
  };
}

function isSuspended({ conditions }: JobStatus): boolean {
  return conditions?.some(({ type, status }) => type === "Suspended" && status === "True") ?? false;
}

interface Scene {
  readonly pods: readonly Pod[];
  readonly active: readonly Pod[];
  readonly terminating: readonly Pod[];
  readonly nowMs: number;
}

function work(job: Job, draft: Draft, { pods, active, terminating, nowMs }: Scene): JobPlan {
  const { spec } = job;
  const parallelism = spec.parallelism ?? 1;
  const succeeded = draft.status.succeeded ?? 0;
  const wanted =
    spec.completions === undefined
      ? succeeded > 0
        ? Math.min(active.length, parallelism)
        : parallelism
      : Math.min(spec.completions - succeeded, parallelism);
  const deadlineMs = deadlineOf({ ...job, status: draft.status });
  const surplus = surplusOf(job, active, wanted);
  if (surplus.length > 0) return { ...draft, remove: surplus, againMs: deadlineMs };
  const occupied =
    active.length + (spec.podReplacementPolicy === "Failed" ? terminating.length : 0);
  const missing = Math.min(wanted - occupied, mostAtOnce);
  if (missing <= 0) return { ...draft, againMs: deadlineMs };
  const notBeforeMs = backOffUntilMs(job, pods);
  if (notBeforeMs > nowMs) return { ...draft, againMs: earliest(deadlineMs, notBeforeMs) };
  return { ...draft, create: nextIndexes(job, pods, missing), againMs: deadlineMs };
}

/** Pods that nobody needs: a second one for an index, then those that have come least far. */
function surplusOf(job: Job, active: readonly Pod[], wanted: number): readonly Pod[] {
  const completed = completedIndexes(job);
  const ranked = [...active].sort((a, b) => rank(a) - rank(b));
  if (completed === undefined) return ranked.slice(0, Math.max(0, active.length - wanted));
  const taken = new Set<number>();
  const needless = ranked.toReversed().filter((pod) => {
    const index = indexOf(pod);
    const isNeeded =
      index !== undefined &&
      index < (job.spec.completions ?? 0) &&
      !completed.has(index) &&
      !taken.has(index);
    if (isNeeded) taken.add(index);
    return !isNeeded;
  });
  const rest = ranked.filter((pod) => !needless.includes(pod));
  return [...needless, ...rest.slice(0, Math.max(0, rest.length - wanted))];
}

function rank(pod: Pod): number {
  if (!pod.spec.nodeName) return 0;
  if (pod.status?.phase !== "Running") return 1;
  return isReady(pod) ? 3 : 2;
}

/** The lowest indexes that are neither done nor at work. */
function nextIndexes(
  job: Job,
  pods: readonly Pod[],
  count: number,
): readonly (number | undefined)[] {
  const completed = completedIndexes(job);
  if (completed === undefined) return new Array<undefined>(count).fill(undefined);
  const waits = job.spec.podReplacementPolicy === "Failed";
  const busy = new Set(
    pods.filter((pod) => isActive(pod) || (waits && isTerminating(pod))).map(indexOf),
  );
  const found: number[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0) && found.length < count; index++) {
    if (!completed.has(index) && !busy.has(index)) found.push(index);
  }
  return found;
}

/** When a new pod may come, after the failures since the last success. 0: at once. */
export function backOffUntilMs(job: Job, pods: readonly Pod[]): number {
  const lastSuccessMs = Math.max(0, ...pods.filter(hasSucceeded).map(finishedAtMs));
  const failures = pods
    // Those that the job itself has removed are none of its failures.
    .filter((pod) => hasFailed(pod, job) && (isTracked(pod) || !isDeleted(pod)))
    .map(finishedAtMs)
    .filter((atMs) => atMs > lastSuccessMs);
  if (failures.length === 0) return 0;
  const delayMs = Math.min(firstBackOffMs * 2 ** (failures.length - 1), lastBackOffMs);
  return Math.max(...failures) + delayMs;
}

function isDeleted({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function condition(type: string, reason: Reason, nowMs: number): JobCondition {
  const time = toTime(nowMs);
  return { type, status: "True", lastProbeTime: time, lastTransitionTime: time, ...reason };
}

/** A condition that says the same stays as it is. */
function withCondition(status: JobStatus, next: JobCondition): JobStatus {
  const { conditions = [] } = status;
  const known = conditions.find(({ type }) => type === next.type);
  if (known?.status === next.status && known.reason === next.reason) return status;
  return { ...status, conditions: [...conditions.filter((item) => item !== known), next] };
}
