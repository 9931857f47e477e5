/**
 * Job: runs pods until enough of them have succeeded.
 *
 *   job or pod changes ─▶ count the finished (count-job.ts) ─▶ plan (plan-job.ts) ─▶ pods made and deleted ─▶ status
 *
 * Source: Kubernetes, "Jobs", "Automatic Cleanup for Finished Jobs"; words of the events of the job controller.
 */
import { messageOf } from "../base/errors.ts";
import { jobController } from "../spec/job-rules.ts";
import type { Job, JobStatus } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { changeObject } from "../store/change-object.ts";
import { deleteObject, finishDeletion } from "../store/delete-object.ts";
import type { Controller, ControllerContext, ControllerEvent } from "./controller.ts";
import { findFinished, finished, settle } from "./count-job.ts";
import { failureAnnotations, heldPods } from "./job-index-failures.ts";
import { isTracked, podOfJob, trackingFinalizer } from "./job-pods.ts";
import { finishedCondition } from "./job-verdict.ts";
import { controllerOf } from "./ownership.ts";
import { planJob } from "./plan-job.ts";
import { writeStatus } from "./write-status.ts";

const component = "job-controller";

export class JobController implements Controller<Job> {
  readonly kind = "Job";
  readonly dependents: readonly string[] = ["Pod"];
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  /** The job is gone: nobody counts its pods any more. */
  gone(namespace: string, name: string): void {
    for (const pod of this.#context.cache.list<Pod>("Pod", namespace)) {
      const owner = controllerOf(pod);
      if (owner?.kind === "Job" && owner.name === name) this.#release(pod);
    }
  }

  reconcile(stored: Job): number | undefined {
    const { cache, clock } = this.#context;
    const { managedBy = jobController } = stored.spec;
    if (managedBy !== jobController) return undefined;
    const pods = cache.owned<Pod>("Pod", stored.metadata);
    if (stored.metadata.deletionTimestamp !== undefined) {
      for (const pod of pods) this.#release(pod);
      return undefined;
    }
    const finish = finishedCondition(stored);
    if (finish !== undefined) {
      for (const pod of pods) this.#release(pod);
      return this.#expire(stored, Date.parse(finish.lastTransitionTime ?? ""));
    }
    const job = this.#count(stored, pods);
    const plan = planJob(job, pods, clock.now());
    for (const pod of plan.remove) this.#remove(job, pod, plan.countsRemoved);
    const after = this.#write(job, plan.status);
    for (const event of plan.events) this.#tell(job, event);
    const held = heldPods(job, pods);
    for (const index of plan.create) this.#create(after, index, held.get(index ?? -1));
    return plan.againMs;
  }

  #count(job: Job, pods: readonly Pod[]): Job {
    const done = finished(job, pods);
    const found = this.#write(job, findFinished(job, pods));
    for (const pod of done) this.#release(pod);
    return this.#write(found, settle(found));
  }

  /** @param before - the pod of this index that has failed. */
  #create(job: Job, index: number | undefined, before: Pod | undefined): void {
    try {
      const pod = this.#context.create(podOfJob(job, index, failureAnnotations(job, before)));
      const message = `Created pod: ${pod.metadata.name}`;
      this.#tell(job, { type: "Normal", reason: "SuccessfulCreate", message });
    } catch (error) {
      const message = `Error creating: ${messageOf(error)}`;
      this.#tell(job, { type: "Warning", reason: "FailedCreate", message });
      throw error;
    }
  }

  /** A pod that is no failure of the job goes without being counted. */
  #remove(job: Job, pod: Pod, isCounted: boolean): void {
    const { store, clock } = this.#context;
    if (!isCounted) this.#release(pod);
    deleteObject(store, pod, { nowMs: clock.now() });
    const message = `Deleted pod: ${pod.metadata.name}`;
    this.#tell(job, { type: "Normal", reason: "SuccessfulDelete", message });
  }

  /** Lets go of a pod that is counted, or that nobody will count. */
  #release(pod: Pod): void {
    const { store } = this.#context;
    if (!isTracked(pod)) return;
    const released = changeObject<Pod>(store, pod, withoutFinalizer);
    if (released !== undefined) finishDeletion(store, released);
  }

  /** @returns when the job is to be deleted, if that is not now. */
  #expire(job: Job, finishedMs: number): number | undefined {
    const { store, clock } = this.#context;
    const { ttlSecondsAfterFinished } = job.spec;
    if (ttlSecondsAfterFinished === undefined || Number.isNaN(finishedMs)) return undefined;
    const dueMs = finishedMs + 1000 * ttlSecondsAfterFinished;
    if (dueMs > clock.now()) return dueMs;
    deleteObject(store, job, { nowMs: clock.now(), propagationPolicy: "Foreground" });
    return undefined;
  }

  #write(job: Job, status: JobStatus): Job {
    const written = writeStatus(this.#context.store, job, status);
    return { ...(written ?? job), status };
  }

  #tell(job: Job, event: ControllerEvent): void {
    this.#context.report(job, event, component);
  }
}

function withoutFinalizer(pod: Pod): Pod {
  const { finalizers = [], ...metadata } = pod.metadata;
  const kept = finalizers.filter((finalizer) => finalizer !== trackingFinalizer);
  return { ...pod, metadata: { ...metadata, ...(kept.length > 0 && { finalizers: kept }) } };
}
