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
import { failedIndexes, hasIndexLimit, heldPods, nextPodMs } from "./job-index-failures.ts";
import {
  backOffMs,
  completedIndexes,
  finishedAtMs,
  hasFailed,
  hasSucceeded,
  indexOf,
  isTerminating,
  isTracked,
} from "./job-pods.ts";
import {
  deadlineOf,
  failureOf,
  finishedCondition,
  isSuspended,
  successOf,
  type Verdict,
} from "./job-verdict.ts";
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
  // Those that are held are counted with the next look, once the status says how the job ends.
  const isLeft = active.length + terminating.length + heldPods(job, pods).size > 0;
  const failure = failureOf(job, pods, nowMs);
  if (failure !== undefined) {
    const status = withCondition(base, condition("FailureTarget", failure, nowMs));
    if (isLeft) return { ...none, status, remove: active, countsRemoved: true };
    const event = { type: "Warning", ...failure } as const;
    const final = withCondition(status, condition("Failed", failure, nowMs));
    return { ...none, status: final, events: [event] };
  }
  const success = successOf(job, pods);
  if (success !== undefined) {
    const status = withCondition(base, condition("SuccessCriteriaMet", success, nowMs));
    if (isLeft) return { ...none, status, remove: active };
    const event = { type: "Normal", reason: "Completed", message: "Job completed" } as const;
    const final = withCondition(status, condition("Complete", success, nowMs));
    return { ...none, status: { ...final, completionTime: toTime(nowMs) }, events: [event] };
  }
  if (spec.suspend === true) return suspend({ ...none, status: base }, active, nowMs);
  return work(job, resume({ ...none, status: base }, nowMs), { pods, active, terminating, nowMs });
}

function countsOf(active: readonly Pod[], terminating: readonly Pod[]): JobStatus {
  const ready = active.filter(isReady);
  // 0 clears what was there before.
  return { active: active.length, ready: ready.length, terminating: terminating.length };
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
      : Math.min(spec.completions - succeeded - failedIndexes(job).size, parallelism);
  const deadlineMs = deadlineOf({ ...job, status: draft.status });
  const surplus = surplusOf(job, active, wanted);
  if (surplus.length > 0) return { ...draft, remove: surplus, againMs: deadlineMs };
  const occupied =
    active.length + (spec.podReplacementPolicy === "Failed" ? terminating.length : 0);
  const missing = Math.min(wanted - occupied, mostAtOnce);
  if (missing <= 0) return { ...draft, againMs: deadlineMs };
  const { create, notBeforeMs } = nextPods(job, pods, missing, nowMs);
  return { ...draft, create, againMs: earliest(deadlineMs, notBeforeMs) };
}

/** Pods that nobody needs: a second one for an index, then those that have come least far. */
function surplusOf(job: Job, active: readonly Pod[], wanted: number): readonly Pod[] {
  const completed = completedIndexes(job);
  const failed = failedIndexes(job);
  const ranked = [...active].sort((a, b) => rank(a) - rank(b));
  if (completed === undefined) return ranked.slice(0, Math.max(0, active.length - wanted));
  const taken = new Set<number>();
  const needless = ranked.toReversed().filter((pod) => {
    const index = indexOf(pod);
    const isNeeded =
      index !== undefined &&
      index < (job.spec.completions ?? 0) &&
      !completed.has(index) &&
      !failed.has(index) &&
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

interface NextPods {
  /** Indexes; undefined for a pod without one. */
  readonly create: readonly (number | undefined)[];
  /** When more may come. */
  readonly notBeforeMs?: number | undefined;
}

/** As many as are missing, unless they have to wait after failures: an index with a limit of its own for itself. */
function nextPods(job: Job, pods: readonly Pod[], missing: number, nowMs: number): NextPods {
  if (!hasIndexLimit(job)) {
    const notBeforeMs = backOffUntilMs(job, pods);
    if (notBeforeMs > nowMs) return { create: [], notBeforeMs };
    return { create: freeIndexes(job, pods).slice(0, missing) };
  }
  const held = heldPods(job, pods);
  const free = freeIndexes(job, pods).map((index) => ({
    index,
    startMs: nextPodMs(job, held.get(index ?? -1)),
  }));
  const due = free.filter(({ startMs }) => startMs <= nowMs).slice(0, missing);
  const waiting = free.filter(({ startMs }) => startMs > nowMs).map(({ startMs }) => startMs);
  return { create: due.map(({ index }) => index), notBeforeMs: earliest(...waiting) };
}

/** Indexes that are neither done nor at work, the lowest first. */
function freeIndexes(job: Job, pods: readonly Pod[]): readonly (number | undefined)[] {
  const completed = completedIndexes(job);
  if (completed === undefined) return new Array<undefined>(mostAtOnce).fill(undefined);
  const failed = failedIndexes(job);
  const waits = job.spec.podReplacementPolicy === "Failed";
  const busy = new Set(
    pods.filter((pod) => isActive(pod) || (waits && isTerminating(pod))).map(indexOf),
  );
  const all = Array.from({ length: job.spec.completions ?? 0 }, (_, index) => index);
  return all.filter((index) => !completed.has(index) && !failed.has(index) && !busy.has(index));
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
  return Math.max(...failures) + backOffMs(failures.length);
}

function isDeleted({ metadata }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

function condition(type: string, reason: Verdict, nowMs: number): JobCondition {
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
