/**
 * What a Job sees in its pods, and the pods that it makes. Pure.
 *
 * A pod carries the finalizer `batch.kubernetes.io/job-tracking` until the job has counted it: whoever deletes a pod,
 * each is counted once. Source: Kubernetes, "Jobs", "Job termination and cleanup", "Completion mode".
 */

import { parseIndexes } from "../spec/job-indexes.ts";
import { jobLabels } from "../spec/job-rules.ts";
import type { Job } from "../spec/kubernetes.gen.ts";
import type { Container, Pod } from "../spec/pod.ts";
import { controllerReference } from "./ownership.ts";

export const trackingFinalizer = "batch.kubernetes.io/job-tracking";

/** 10 s, 20 s, 40 s … six minutes. */
const firstBackOffMs = 10_000;
const lastBackOffMs = 360_000;

export function isTracked({ metadata }: Pod): boolean {
  return metadata.finalizers?.includes(trackingFinalizer) ?? false;
}

export function hasSucceeded({ status }: Pod): boolean {
  return status?.phase === "Succeeded";
}

/** Ended badly, or will: a job that does not wait for the end of pods counts those that are deleted at once. */
export function hasFailed({ metadata, status }: Pod, { spec }: Job): boolean {
  if (status?.phase === "Failed") return true;
  if (spec.podReplacementPolicy === "Failed") return false;
  return metadata.deletionTimestamp !== undefined && status?.phase !== "Succeeded";
}

export function isTerminating(pod: Pod): boolean {
  return !hasEnded(pod) && pod.metadata.deletionTimestamp !== undefined;
}

function hasEnded({ status }: Pod): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}

/** The index that a pod works for; undefined without one. */
export function indexOf({ metadata }: Pod): number | undefined {
  const text = metadata.annotations?.[jobLabels.index];
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** Of a job with completion mode Indexed; undefined for others. */
export function completedIndexes({
  spec,
  status = {},
}: Pick<Job, "spec" | "status">): ReadonlySet<number> | undefined {
  if (spec.completionMode !== "Indexed") return undefined;
  return parseIndexes(status.completedIndexes ?? "", spec.completions ?? 0);
}

/** When the last container of a pod ended, or when it should have. */
export function finishedAtMs({ metadata, status }: Pod): number {
  const times = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])]
    .flatMap(({ state }) => state?.terminated?.finishedAt ?? [])
    .map((time) => Date.parse(time));
  if (times.length > 0) return Math.max(...times);
  return Date.parse(metadata.deletionTimestamp ?? metadata.creationTimestamp ?? "") || 0;
}

/** How long the next pod waits after so many failures. */
export function backOffMs(failures: number): number {
  return Math.min(firstBackOffMs * 2 ** (failures - 1), lastBackOffMs);
}

/**
 * The next pod of a job.
 * @param index - of a job with completion mode Indexed.
 * @param more - annotations that the template does not have.
 */
export function podOfJob(
  job: Job,
  index?: number,
  more: Readonly<Record<string, string>> = {},
): Pod {
  const { metadata, spec } = job.spec.template;
  const { name, namespace } = job.metadata;
  const base = index === undefined ? `${name}-` : `${name}-${index}-`;
  const mark = index === undefined ? undefined : { [jobLabels.index]: `${index}` };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "",
      // A name has 63 characters: the suffix must have its place.
      generateName: base.slice(0, 58),
      namespace,
      uid: "",
      labels: { ...metadata.labels, ...mark },
      ...((metadata.annotations ?? mark) && {
        annotations: { ...metadata.annotations, ...mark, ...more },
      }),
      finalizers: [...(metadata.finalizers ?? []), trackingFinalizer],
      ownerReferences: [controllerReference(job)],
    },
    spec:
      index === undefined
        ? spec
        : {
            ...spec,
            hostname: spec.hostname ?? `${name}-${index}`,
            containers: spec.containers.map(withIndex),
            ...(spec.initContainers && { initContainers: spec.initContainers.map(withIndex) }),
          },
  };
}

/** The variable that tells a container its index, unless it has one of that name. */
function withIndex(container: Container): Container {
  const name = "JOB_COMPLETION_INDEX";
  const { env = [] } = container;
  if (env.some((variable) => variable.name === name)) return container;
  const fieldPath = `metadata.labels['${jobLabels.index}']`;
  const variable = { name, valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } } };
  return { ...container, env: [...env, variable] };
}
