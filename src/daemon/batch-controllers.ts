/** The controllers of the groups batch and policy, and what they share. */
import { CronJobController } from "../controller/cron-job.ts";
import { DisruptionController } from "../controller/disruption.ts";
import { type BatchOptions, JobController } from "../controller/job.ts";
import { OwnedObjects } from "../controller/owned-objects.ts";

export interface BatchControllers {
  /** In the order in which they are to be started. */
  readonly controllers: readonly (Disposable & { start(): void })[];
  /** Whether nothing is due by time alone: a daemon without pods may end then. */
  readonly isIdle: () => boolean;
}

export function batchControllers(options: Omit<BatchOptions, "owned">): BatchControllers {
  const owned = new OwnedObjects(options.store, ["Job", "Pod"]);
  const jobs = new JobController({ ...options, owned });
  const cronJobs = new CronJobController({ ...options, owned });
  return {
    controllers: [owned, jobs, cronJobs, new DisruptionController(options)],
    isIdle: () => jobs.isIdle && cronJobs.isIdle,
  };
}
