/**
 * CronJob: starts a Job at each time of its schedule, and keeps a few of those that have ended.
 * Source: Kubernetes, "CronJob"; words of the events of the cronjob controller.
 */
import { isPodError, messageOf } from "../base/errors.ts";
import { zonedTime } from "../spec/cron-schedule.ts";
import type { CronJob, Job } from "../spec/kubernetes.gen.ts";
import { deleteObject } from "../store/delete-object.ts";
import type { Controller, ControllerContext, ControllerEvent } from "./controller.ts";
import { controllerOf, controllerReference } from "./ownership.ts";
import { jobNameAt, planCronJob, startedStatus } from "./plan-cron-job.ts";
import { writeStatus } from "./write-status.ts";

const component = "cronjob-controller";
const scheduledAnnotation = "batch.kubernetes.io/cronjob-scheduled-timestamp";

export class CronJobController implements Controller<CronJob> {
  readonly kind = "CronJob";
  readonly dependents: readonly string[] = ["Job"];
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  reconcile(cronJob: CronJob): number | undefined {
    const { store, cache, clock } = this.#context;
    const jobs = cache.owned<Job>("Job", cronJob.metadata);
    const plan = planCronJob(cronJob, jobs, clock.now());
    for (const event of plan.events) this.#tell(cronJob, event);
    for (const job of plan.remove) this.#remove(cronJob, job);
    let { status } = plan;
    if (plan.start !== undefined) {
      const job = this.#startJob(cronJob, plan.start);
      status = startedStatus(status, job, plan.start);
    }
    writeStatus(store, cronJob, status);
    return plan.againMs;
  }

  /** @returns the job of this time, which a daemon that died may have made already. */
  #startJob(cronJob: CronJob, dueMs: number): Job {
    const { store, create } = this.#context;
    const { namespace } = cronJob.metadata;
    const name = jobNameAt(cronJob, dueMs);
    try {
      const job = create(jobOf(cronJob, name, zonedTime(dueMs, cronJob.spec.timeZone)));
      this.#tell(cronJob, {
        type: "Normal",
        reason: "SuccessfulCreate",
        message: `Created job ${name}`,
      });
      return job;
    } catch (error) {
      const made = isPodError(error, "AlreadyExists")
        ? store.get<Job>("Job", namespace, name)
        : undefined;
      if (made !== undefined && controllerOf(made)?.uid === cronJob.metadata.uid) return made;
      const message = `Error creating job: ${messageOf(error)}`;
      this.#tell(cronJob, { type: "Warning", reason: "FailedCreate", message });
      throw error;
    }
  }

  #remove(cronJob: CronJob, job: Job): void {
    const { store, clock } = this.#context;
    deleteObject(store, job, { nowMs: clock.now() });
    const message = `Deleted job ${job.metadata.name}`;
    this.#tell(cronJob, { type: "Normal", reason: "SuccessfulDelete", message });
  }

  #tell(cronJob: CronJob, event: ControllerEvent): void {
    this.#context.report(cronJob, event, component);
  }
}

function jobOf(cronJob: CronJob, name: string, scheduledAt: string): Job {
  const { metadata, spec } = cronJob.spec.jobTemplate;
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name,
      namespace: cronJob.metadata.namespace,
      uid: "",
      ...(metadata.labels && { labels: metadata.labels }),
      annotations: { ...metadata.annotations, [scheduledAnnotation]: scheduledAt },
      ...(metadata.finalizers && { finalizers: metadata.finalizers }),
      ownerReferences: [controllerReference(cronJob)],
    },
    spec,
  };
}
