/**
 * What a CronJob does next, by its schedule, the time and its jobs. Pure.
 *
 *   lastScheduleTime ── missed ── missed ── latest missed ── now ── next
 *                                               │                    └ look again
 *                                               └ starts, unless it is too late or another one still runs
 *
 * Source: Kubernetes, "CronJob"; words of the events of the cronjob controller.
 */
import { toTime } from "../base/clock.ts";
import {
  type CronSchedule,
  isTimeZone,
  nextCronTime,
  parseCronSchedule,
} from "../spec/cron-schedule.ts";
import type { CronJob, CronJobStatus, Job, ObjectReference } from "../spec/kubernetes.gen.ts";
import type { ControllerEvent } from "./controller.ts";
import { finishedCondition } from "./job-verdict.ts";

export interface CronPlan {
  readonly status: CronJobStatus;
  /** Time that the job to start now was scheduled for, ms since 1970. */
  readonly start?: number;
  /** Jobs to delete. */
  readonly remove: readonly Job[];
  readonly events: readonly ControllerEvent[];
  /** When to look again although nothing has changed, in wall clock ms. */
  readonly againMs?: number;
}

/** So many missed times look like a clock that is wrong. */
const manyMissed = 100;

/** @param jobs - those that it controls. */
export function planCronJob(cronJob: CronJob, jobs: readonly Job[], nowMs: number): CronPlan {
  const { spec, metadata } = cronJob;
  const { status, events } = observe(cronJob, jobs);
  const remove = surplusOf(cronJob, jobs);
  const base = { status, events, remove };
  if (metadata.deletionTimestamp !== undefined) return { ...base, remove: [] };
  if (spec.suspend === true) return base;
  const schedule = parseCronSchedule(spec.schedule);
  if (typeof schedule === "string") {
    return withEvent(
      base,
      "Warning",
      "UnparseableSchedule",
      `unparseable schedule: ${spec.schedule} : ${schedule}`,
    );
  }
  const zone = spec.timeZone;
  if (zone !== undefined && !isTimeZone(zone)) {
    return withEvent(
      base,
      "Warning",
      "UnknownTimeZone",
      `invalid timeZone: ${zone}: unknown time zone`,
    );
  }
  const nextMs = nextCronTime(schedule, nowMs, zone);
  const waiting = { ...base, ...(nextMs !== undefined && { againMs: nextMs }) };
  const missed = latestMissed(cronJob, schedule, nowMs);
  if (missed === undefined) return waiting;
  const { dueMs, isTooMany } = missed;
  const plan = isTooMany
    ? withEvent(
        waiting,
        "Warning",
        "TooManyMissedTimes",
        "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew",
      )
    : waiting;
  const deadlineMs = 1000 * (spec.startingDeadlineSeconds ?? Infinity);
  if (dueMs + deadlineMs < nowMs) {
    const words = `Missed scheduled time to start a job: ${new Date(dueMs).toUTCString()}`;
    return withEvent(plan, "Warning", "MissSchedule", words);
  }
  const active = jobs.filter((job) => finishedCondition(job) === undefined && !isEnding(job));
  if (spec.concurrencyPolicy === "Forbid" && active.length > 0) {
    const words =
      "Not starting job because prior execution is running and concurrency policy is Forbid";
    return withEvent(plan, "Normal", "JobAlreadyActive", words);
  }
  if (spec.concurrencyPolicy !== "Replace") return { ...plan, start: dueMs };
  const { active: _, ...replaced } = status;
  return { ...plan, status: replaced, start: dueMs, remove: [...remove, ...active] };
}

/** The status and what to say about jobs that have come to an end. */
function observe(
  { status: before = {} }: CronJob,
  jobs: readonly Job[],
): Pick<CronPlan, "status" | "events"> {
  const events: ControllerEvent[] = [];
  const known = before.active ?? [];
  let { lastSuccessfulTime } = before;
  for (const { uid, name } of known) {
    const job = jobs.find(({ metadata }) => metadata.uid === uid);
    const end = job === undefined ? undefined : finishedCondition(job);
    if (job === undefined) {
      const message = `Active job went missing: ${name}`;
      events.push({ type: "Normal", reason: "MissingJob", message });
    } else if (end !== undefined) {
      const message = `Saw completed job: ${name}, condition: ${end.type}`;
      events.push({ type: "Normal", reason: "SawCompletedJob", message });
    }
  }
  for (const { status } of jobs) {
    const time = status?.completionTime;
    if (time !== undefined && time > (lastSuccessfulTime ?? "")) lastSuccessfulTime = time;
  }
  const active = jobs.filter((job) => finishedCondition(job) === undefined).map(referenceTo);
  const { active: _, ...rest } = before;
  return {
    status: {
      ...rest,
      ...(active.length > 0 && { active }),
      ...(lastSuccessfulTime !== undefined && { lastSuccessfulTime }),
    },
    events,
  };
}

/** How a CronJob names a job that runs. */
export function referenceTo({ apiVersion, kind, metadata }: Job): ObjectReference {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { apiVersion, kind, namespace, name, uid, ...(resourceVersion && { resourceVersion }) };
}

/** Finished jobs beyond the limits of the history, oldest first. */
function surplusOf({ spec }: CronJob, jobs: readonly Job[]): readonly Job[] {
  const finished = (type: string, limit: number | undefined): readonly Job[] => {
    if (limit === undefined) return [];
    const found = jobs
      .filter((job) => finishedCondition(job)?.type === type && !isEnding(job))
      .sort((a, b) => startOf(a).localeCompare(startOf(b)));
    return found.slice(0, Math.max(0, found.length - limit));
  };
  return [
    ...finished("Complete", spec.successfulJobsHistoryLimit),
    ...finished("Failed", spec.failedJobsHistoryLimit),
  ];
}

function startOf({ metadata, status }: Job): string {
  return status?.startTime ?? metadata.creationTimestamp ?? "";
}

function isEnding({ metadata }: Job): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** The last scheduled time that has no job yet; of several that were missed only this one is made up for. */
export function latestMissed(
  { metadata, spec, status = {} }: CronJob,
  schedule: CronSchedule,
  nowMs: number,
): { readonly dueMs: number; readonly isTooMany: boolean } | undefined {
  const { timeZone, startingDeadlineSeconds } = spec;
  const lastMs = Date.parse(status.lastScheduleTime ?? metadata.creationTimestamp ?? "") || 0;
  const earliestMs =
    startingDeadlineSeconds === undefined
      ? lastMs
      : Math.max(lastMs, nowMs - 1000 * startingDeadlineSeconds);
  let dueMs = nextCronTime(schedule, earliestMs, timeZone);
  if (dueMs === undefined || dueMs > nowMs) return undefined;
  let missed = 1;
  for (; missed <= manyMissed; missed++) {
    const nextMs = nextCronTime(schedule, dueMs, timeZone);
    if (nextMs === undefined || nextMs > nowMs) return { dueMs, isTooMany: false };
    dueMs = nextMs;
  }
  return {
    dueMs: lastBefore(schedule, dueMs, nowMs, timeZone),
    isTooMany: startingDeadlineSeconds === undefined,
  };
}

/** The last scheduled time up to `nowMs`, found from there backwards. `firstMs` is one. */
function lastBefore(
  schedule: CronSchedule,
  firstMs: number,
  nowMs: number,
  timeZone: string | undefined,
): number {
  if ("everyMs" in schedule) {
    return firstMs + Math.floor((nowMs - firstMs) / schedule.everyMs) * schedule.everyMs;
  }
  for (let backMs = 60_000; ; backMs *= 2) {
    const fromMs = Math.max(firstMs, nowMs - backMs);
    let found = fromMs === firstMs ? firstMs : undefined;
    for (
      let next = nextCronTime(schedule, fromMs, timeZone);
      next !== undefined && next <= nowMs;
    ) {
      found = next;
      next = nextCronTime(schedule, next, timeZone);
    }
    if (found !== undefined) return found;
  }
}

/** The job of one scheduled time: its name says which, so that it is made once. */
export function jobNameAt({ metadata }: CronJob, dueMs: number): string {
  return `${metadata.name}-${Math.floor(dueMs / 60_000)}`;
}

/** The status once the job has started. */
export function startedStatus(status: CronJobStatus, job: Job, dueMs: number): CronJobStatus {
  return {
    ...status,
    active: [...(status.active ?? []), referenceTo(job)],
    lastScheduleTime: toTime(dueMs),
  };
}

function withEvent(
  plan: CronPlan,
  type: ControllerEvent["type"],
  reason: string,
  message: string,
): CronPlan {
  return { ...plan, events: [...plan.events, { type, reason, message }] };
}
