/**
 * Counts the finished pods of a job, each once, in steps between which the daemon may die:
 *
 *   found      status.uncountedTerminatedPods names the pods; completedIndexes and failedIndexes have their indexes
 *   released   the pods lose their finalizer
 *   settled    the named pods are in status.succeeded and status.failed
 *
 * Pure. Source: Kubernetes, KEP-2307 "Job tracking without lingering Pods"; batch/v1 UncountedTerminatedPods.
 */
import { formatIndexes } from "../spec/job-indexes.ts";
import type { Job, JobStatus } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { failureAction } from "./job-failure-policy.ts";
import { failedIndexes, hasIndexLimit, heldPods, newlyFailed } from "./job-index-failures.ts";
import { completedIndexes, hasFailed, hasSucceeded, indexOf, isTracked } from "./job-pods.ts";

/** The status after it has seen which pods are finished, before they are released. */
export function findFinished(job: Job, pods: readonly Pod[]): JobStatus {
  const status = job.status ?? {};
  const named = status.uncountedTerminatedPods ?? {};
  const known = new Set([...(named.succeeded ?? []), ...(named.failed ?? [])]);
  const fresh = finished(job, pods).filter(({ metadata }) => !known.has(metadata.uid));
  if (fresh.length === 0) return status;
  const succeeded = fresh.filter(hasSucceeded);
  const failed = fresh.filter(
    (pod) => hasFailed(pod, job) && failureAction(job, pod).action !== "Ignore",
  );
  const isIndexed = job.spec.completionMode === "Indexed";
  const uncounted = {
    ...lists("succeeded", [...(named.succeeded ?? []), ...(isIndexed ? [] : succeeded.map(uidOf))]),
    ...lists("failed", [...(named.failed ?? []), ...failed.map(uidOf)]),
  };
  return {
    ...status,
    ...(isIndexed && { completedIndexes: completedWith(job, succeeded) }),
    ...(hasIndexLimit(job) && { failedIndexes: failedWith(job, fresh) }),
    uncountedTerminatedPods: uncounted,
  };
}

/** Pods that may lose their finalizer once the status that `findFinished` gives is stored. */
export function finished(job: Job, pods: readonly Pod[]): readonly Pod[] {
  const held = new Set(heldPods(job, pods).values());
  return pods.filter(
    (pod) => isTracked(pod) && !held.has(pod) && (hasSucceeded(pod) || hasFailed(pod, job)),
  );
}

/** The status after the pods that it names have been released. */
export function settle({ spec, status = {} }: Job): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const completed = completedIndexes({ spec, status });
  const sum = completed?.size ?? (status.succeeded ?? 0) + succeeded.length;
  const failures = (status.failed ?? 0) + failed.length;
  const { succeeded: _, failed: __, ...rest } = status;
  return {
    ...rest,
    ...(sum > 0 && { succeeded: sum }),
    ...(failures > 0 && { failed: failures }),
    uncountedTerminatedPods: {},
  };
}

function completedWith(job: Job, pods: readonly Pod[]): string {
  const indexes = new Set(completedIndexes(job));
  for (const pod of pods) {
    const index = indexOf(pod);
    if (index !== undefined && index < (job.spec.completions ?? 0)) indexes.add(index);
  }
  return formatIndexes(indexes);
}

/** An index that has succeeded once has not failed. */
function failedWith(job: Job, pods: readonly Pod[]): string {
  const failed = new Set([...failedIndexes(job), ...newlyFailed(job, pods)]);
  for (const index of completedIndexes(job) ?? []) failed.delete(index);
  return formatIndexes(failed);
}

function lists(field: "succeeded" | "failed", uids: readonly string[]): object {
  return uids.length === 0 ? {} : { [field]: uids };
}

function uidOf({ metadata }: Pod): string {
  return metadata.uid;
}
