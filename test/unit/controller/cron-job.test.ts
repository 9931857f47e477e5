// CronJobs: when jobs start, which of those that were missed, how many are kept; on a clock of the test.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { CronJob, Job } from "../../../src/spec/kubernetes.gen.ts";
import { Batch, template } from "./batch.ts";

const test = suite("CronJobController");
let batch: Batch;
const minuteMs = 60_000;

test.before.each(() => {
  batch = new Batch("2026-07-09T14:45:30Z");
});

test.after.each(() => {
  batch.stop();
});

async function start(spec: object): Promise<void> {
  const jobTemplate = { metadata: { labels: { app: "tick" } }, spec: { template: template() } };
  batch.create<CronJob>("CronJob", "tick", { schedule: "*/5 * * * *", jobTemplate, ...spec });
  await batch.settled();
}

function names(): readonly string[] {
  return batch.jobs().map(({ metadata }) => metadata.name);
}

/** The name of the job of a time. */
function at(time: string): string {
  return `tick-${Date.parse(`2026-07-09T${time}:00Z`) / minuteMs}`;
}

async function succeed(): Promise<void> {
  for (const pod of batch.active()) batch.end(pod, 0);
  await batch.settled();
}

test("starts a job at each time of the schedule", async () => {
  await start({});
  assert.equal(names(), []);
  await batch.pass(5 * minuteMs);
  assert.equal(names(), [at("14:50")]);
  const [job] = batch.jobs();
  assert.equal(job?.metadata.labels, { app: "tick" });
  assert.equal(job?.metadata.annotations, {
    "batch.kubernetes.io/cronjob-scheduled-timestamp": "2026-07-09T14:50:00Z",
  });
  assert.is(job?.metadata.ownerReferences?.[0]?.kind, "CronJob");
  const { status } = batch.cronJob() ?? {};
  assert.is(status?.lastScheduleTime, "2026-07-09T14:50:00Z");
  assert.equal(
    status?.active?.map(({ name }) => name),
    [at("14:50")],
  );
  await succeed();
  assert.is(batch.cronJob()?.status?.active, undefined);
  assert.is(
    batch.cronJob()?.status?.lastSuccessfulTime,
    job?.status?.completionTime ?? "2026-07-09T14:50:30Z",
  );
  await batch.pass(5 * minuteMs);
  assert.equal(names(), [at("14:50"), at("14:55")]);
  assert.ok(batch.events.includes("SawCompletedJob"));
});

test("of times that were missed only the last is made up for", async () => {
  await start({});
  batch.away();
  await batch.pass(90 * minuteMs);
  assert.equal(names(), []);
  batch.start();
  await batch.settled();
  assert.equal(names(), [at("16:15")]);
});

test("what was missed for longer than startingDeadlineSeconds is left out", async () => {
  await start({ suspend: true, startingDeadlineSeconds: 30 });
  await batch.pass(6 * minuteMs);
  batch.change<CronJob>("CronJob", "tick", { suspend: false });
  await batch.settled();
  assert.equal(names(), []);
  await batch.pass(4 * minuteMs);
  assert.equal(names(), [at("14:55")]);
});

test("many missed times are told, and the last of them starts", async () => {
  await start({ schedule: "* * * * *", suspend: true });
  await batch.pass(2 * 24 * 60 * minuteMs);
  batch.change<CronJob>("CronJob", "tick", { suspend: false });
  await batch.settled();
  assert.ok(batch.events.includes("TooManyMissedTimes"));
  const last = Date.parse("2026-07-11T14:45:00Z") / minuteMs;
  assert.equal(names(), [`tick-${last}`]);
});

test("Forbid waits for the job that runs, Replace ends it, Allow has both", async () => {
  await start({ concurrencyPolicy: "Forbid" });
  await batch.pass(10 * minuteMs);
  assert.equal(names(), [at("14:50")]);
  assert.ok(batch.events.includes("JobAlreadyActive"));
  await succeed();
  // The time that was missed meanwhile is made up for at once.
  assert.equal(names(), [at("14:50"), at("14:55")]);
  batch.change<CronJob>("CronJob", "tick", { concurrencyPolicy: "Replace" });
  await batch.pass(5 * minuteMs);
  assert.equal(names(), [at("14:50"), at("15:00")]);
  batch.change<CronJob>("CronJob", "tick", { concurrencyPolicy: "Allow" });
  await batch.pass(5 * minuteMs);
  assert.equal(names(), [at("14:50"), at("15:00"), at("15:05")]);
});

test("startingDeadlineSeconds: a time that another run was in the way of is left out when that took too long", async () => {
  await start({ concurrencyPolicy: "Forbid", startingDeadlineSeconds: 90 });
  await batch.pass(5 * minuteMs);
  assert.equal(names(), [at("14:50")]);
  // 14:55 comes and goes while the run of 14:50 is at work.
  await batch.pass(5 * minuteMs + 30_000);
  await succeed();
  assert.equal(names(), [at("14:50"), at("14:55")]);
  await batch.pass(4 * minuteMs + 100_000);
  await succeed();
  assert.equal(names(), [at("14:50"), at("14:55")]);
  await batch.pass(5 * minuteMs);
  assert.equal(names(), [at("14:50"), at("14:55"), at("15:05")]);
});

test("keeps as many finished jobs as the limits say, the newest", async () => {
  await start({ successfulJobsHistoryLimit: 1 });
  for (let round = 0; round < 3; round++) {
    await batch.pass(5 * minuteMs);
    await succeed();
  }
  assert.equal(names(), [at("15:00")]);
});

test("a suspended CronJob starts nothing", async () => {
  await start({ suspend: true });
  await batch.pass(60 * minuteMs);
  assert.equal(names(), []);
});

test("a daemon that died after it made the job does not make it again", async () => {
  await start({});
  await batch.pass(5 * minuteMs);
  batch.store.mutate<CronJob>("CronJob", "default", "tick", ({ status: _, ...rest }) => rest);
  batch.start();
  await batch.settled();
  assert.equal(names(), [at("14:50")]);
  assert.is(batch.cronJob()?.status?.lastScheduleTime, "2026-07-09T14:50:00Z");
});

test("the schedule is read in its time zone", async () => {
  await start({ schedule: "0 17 * * *", timeZone: "Europe/Berlin" });
  await batch.pass(15 * minuteMs);
  const [job] = batch.jobs() as readonly Job[];
  assert.is(job?.metadata.name, at("15:00"));
});

test.run();
