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
import type { KubernetesObject } from "../spec/resources.ts";
import { deleteObject, finishDeletion } from "../store/delete-object.ts";
import { findFinished, finished, settle } from "./count-job.ts";
import type { ControllerOptions } from "./garbage-collector.ts";
import { isTracked, podOfJob, trackingFinalizer } from "./job-pods.ts";
import { ObjectLoop } from "./object-loop.ts";
import type { OwnedObjects } from "./owned-objects.ts";
import { controllerOf } from "./ownership.ts";
import { finishedCondition, type JobEvent, planJob } from "./plan-job.ts";
import { writeStatus } from "./write-status.ts";

export interface BatchOptions extends ControllerOptions {
  readonly owned: OwnedObjects;
  /** Makes an object as the API does: admission, defaults, rules. @throws PodError what a client would see. */
  readonly create: <T extends KubernetesObject>(wish: T) => T;
  readonly report: (object: KubernetesObject, event: JobEvent, component: string) => void;
}

const component = "job-controller";

export class JobController implements Disposable {
  readonly #options: BatchOptions;
  readonly #loop: ObjectLoop<Job>;

  constructor(options: BatchOptions) {
    this.#options = options;
    this.#loop = new ObjectLoop<Job>({
      ...options,
      kind: "Job",
      dependents: ["Pod"],
      reconcile: (job) => this.#reconcile(job),
      gone: (namespace, name) => this.#releaseAll(namespace, name),
    });
  }

  start(): void {
    const { owned } = this.#options;
    this.#loop.start();
    for (const pod of owned.all<Pod>("Pod")) {
      if (isTracked(pod)) this.#loop.addOwner(pod);
    }
  }

  /** Whether nothing is due by time alone. */
  get isIdle(): boolean {
    return this.#loop.isIdle;
  }

  [Symbol.dispose](): void {
    this.#loop[Symbol.dispose]();
  }

  #reconcile(stored: Job): number | undefined {
    const { owned, clock } = this.#options;
    const { managedBy = jobController } = stored.spec;
    if (managedBy !== jobController) return undefined;
    const pods = owned.of<Pod>("Pod", stored.metadata.uid);
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
    for (const index of plan.create) this.#create(after, index);
    return plan.againMs;
  }

  #count(job: Job, pods: readonly Pod[]): Job {
    const done = finished(job, pods);
    const found = this.#write(job, findFinished(job, pods));
    for (const pod of done) this.#release(pod);
    return this.#write(found, settle(found));
  }

  #create(job: Job, index: number | undefined): void {
    try {
      const pod = this.#options.create(podOfJob(job, index));
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
    const { store, clock } = this.#options;
    if (!isCounted) this.#release(pod);
    deleteObject(store, pod, { nowMs: clock.now() });
    const message = `Deleted pod: ${pod.metadata.name}`;
    this.#tell(job, { type: "Normal", reason: "SuccessfulDelete", message });
  }

  /** Lets go of a pod that is counted, or that nobody will count. */
  #release(pod: Pod): void {
    const { store } = this.#options;
    if (!isTracked(pod)) return;
    const { namespace, name, uid } = pod.metadata;
    const released = store.mutate<Pod>(
      "Pod",
      namespace,
      name,
      (current) => (current.metadata.uid === uid ? withoutFinalizer(current) : undefined),
      { durable: false },
    );
    if (released?.metadata.uid === uid) finishDeletion(store, released);
  }

  /** The job is gone: nobody counts its pods any more. */
  #releaseAll(namespace: string, name: string): void {
    for (const pod of this.#options.owned.all<Pod>("Pod")) {
      const owner = controllerOf(pod);
      const isOurs = owner?.kind === "Job" && owner.name === name;
      if (isOurs && pod.metadata.namespace === namespace) this.#release(pod);
    }
  }

  /** @returns when the job is to be deleted, if that is not now. */
  #expire(job: Job, finishedMs: number): number | undefined {
    const { store, clock } = this.#options;
    const { ttlSecondsAfterFinished } = job.spec;
    if (ttlSecondsAfterFinished === undefined || Number.isNaN(finishedMs)) return undefined;
    const dueMs = finishedMs + 1000 * ttlSecondsAfterFinished;
    if (dueMs > clock.now()) return dueMs;
    deleteObject(store, job, { nowMs: clock.now(), propagationPolicy: "Foreground" });
    return undefined;
  }

  #write(job: Job, status: JobStatus): Job {
    const written = writeStatus(this.#options.store, job, status);
    return { ...(written ?? job), status };
  }

  #tell(job: Job, event: JobEvent): void {
    this.#options.report(job, event, component);
  }
}

function withoutFinalizer(pod: Pod): Pod {
  const { finalizers = [], ...metadata } = pod.metadata;
  const kept = finalizers.filter((finalizer) => finalizer !== trackingFinalizer);
  return { ...pod, metadata: { ...metadata, ...(kept.length > 0 && { finalizers: kept }) } };
}
