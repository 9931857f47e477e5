/** The controllers of the groups batch and policy, and what they share. */
import { newObject } from "../apiserver/create-object.ts";
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

export function batchControllers(
  options: Omit<BatchOptions, "owned" | "create">,
): BatchControllers {
  const { store, clock } = options;
  const owned = new OwnedObjects(store, ["Job", "Pod"]);
  const create: BatchOptions["create"] = (wish) =>
    store.create(newObject(store, wish, clock.now()), { durable: false });
  const jobs = new JobController({ ...options, owned, create });
  const cronJobs = new CronJobController({ ...options, owned, create });
  return {
    controllers: [owned, jobs, cronJobs, new DisruptionController(options)],
    isIdle: () => jobs.isIdle && cronJobs.isIdle,
  };
}
