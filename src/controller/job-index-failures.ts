/**
 * Failures of each index of a job with `backoffLimitPerIndex`. Pure.
 *
 *   pod of index 3 fails ─▶ held: it keeps its finalizer, and is not counted yet
 *   after the back-off   ─▶ the next pod of index 3 has the number of failures in an annotation ─▶ the first is let go
 *   one failure too many ─▶ no next pod: the index is in status.failedIndexes
 *
 * So the number of failures is always written on a pod that is there, whoever deletes what.
 * Source: Kubernetes, "Jobs", "Backoff limit per index"; KEP-3850.
 */
import { parseIndexes } from "../spec/job-indexes.ts";
import type { Job } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { failureAction } from "./job-failure-policy.ts";
import {
  backOffMs,
  completedIndexes,
  finishedAtMs,
  hasFailed,
  indexOf,
  isTracked,
} from "./job-pods.ts";

const countAnnotation = "batch.kubernetes.io/job-index-failure-count";
const ignoredAnnotation = "batch.kubernetes.io/job-index-ignored-failure-count";

interface Failures {
  /** Those that the limit is of. */
  readonly counted: number;
  /** By a rule of the failure policy: they make the next pod wait, too. */
  readonly ignored: number;
}

export function hasIndexLimit({ spec }: Job): boolean {
  return spec.backoffLimitPerIndex !== undefined;
}

/** Indexes that get no more pods; none without a limit per index. */
export function failedIndexes({ spec, status }: Job): ReadonlySet<number> {
  return parseIndexes(status?.failedIndexes ?? "", spec.completions ?? 0);
}

/** Indexes that these pods have failed for good; none that the job has ended itself. */
export function newlyFailed(job: Job, pods: readonly Pod[]): readonly number[] {
  if (!hasIndexLimit(job) || isEnding(job)) return [];
  return pods.flatMap((pod) => {
    const index = indexIn(job, pod);
    return index !== undefined && hasFailed(pod, job) && isLast(job, pod) ? [index] : [];
  });
}

/** Index → the failed pod that says how often it has failed, until another pod does. */
export function heldPods(job: Job, pods: readonly Pod[]): ReadonlyMap<number, Pod> {
  const held = new Map<number, Pod>();
  if (!hasIndexLimit(job) || isEnding(job)) return held;
  const settled = new Set([...(completedIndexes(job) ?? []), ...failedIndexes(job)]);
  for (const pod of pods) if (!hasFailed(pod, job)) settled.add(indexOf(pod) ?? -1);
  for (const pod of pods) {
    const index = indexIn(job, pod);
    if (index === undefined || settled.has(index) || !isTracked(pod)) continue;
    if (!hasFailed(pod, job) || isLast(job, pod)) continue;
    const other = held.get(index);
    if (other === undefined || total(job, other) <= total(job, pod)) held.set(index, pod);
  }
  return held;
}

/** When the next pod of an index may come. @param held - the one before it, if it has failed. */
export function nextPodMs(job: Job, held: Pod | undefined): number {
  return held === undefined ? 0 : finishedAtMs(held) + backOffMs(total(job, held));
}

/** What the next pod of an index says. @param held - the one before it, if it has failed. */
export function failureAnnotations(
  job: Job,
  held: Pod | undefined,
): Readonly<Record<string, string>> {
  if (!hasIndexLimit(job)) return {};
  const { counted, ignored } = held === undefined ? none : failuresWith(job, held);
  return {
    [countAnnotation]: `${counted}`,
    ...(ignored > 0 && { [ignoredAnnotation]: `${ignored}` }),
  };
}

const none: Failures = { counted: 0, ignored: 0 };

/** Whether a failed pod is the last that its index gets. */
function isLast(job: Job, pod: Pod): boolean {
  const limit = job.spec.backoffLimitPerIndex ?? Infinity;
  return failureAction(job, pod).action === "FailIndex" || failuresWith(job, pod).counted > limit;
}

function total(job: Job, pod: Pod): number {
  const { counted, ignored } = failuresWith(job, pod);
  return counted + ignored;
}

/** Failures of the pod's index up to and with this one. */
function failuresWith(job: Job, pod: Pod): Failures {
  const { annotations = {} } = pod.metadata;
  const counted = numberOf(annotations[countAnnotation]);
  const ignored = numberOf(annotations[ignoredAnnotation]);
  return failureAction(job, pod).action === "Ignore"
    ? { counted, ignored: ignored + 1 }
    : { counted: counted + 1, ignored };
}

function numberOf(text = "0"): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

function indexIn({ spec }: Job, pod: Pod): number | undefined {
  const index = indexOf(pod);
  return index !== undefined && index < (spec.completions ?? 0) ? index : undefined;
}

/** Whether it is decided how the job ends: everything is counted then. */
function isEnding({ status }: Job): boolean {
  return (status?.conditions ?? []).some(
    ({ type, status: value }) =>
      (type === "FailureTarget" || type === "SuccessCriteriaMet") && value === "True",
  );
}
