// CronJobs with a real daemon: a schedule that is due, and a job of it by hand. Time itself is in the unit tests.
import * as assert from "uvu/assert";
import type { CronJob, Job } from "../../src/spec/kubernetes.gen.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { shell } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("cron jobs", "busybox");
const root = "/apis/batch/v1/namespaces/default";

function cronJob(name: string, spec: object): { readonly kind: string } {
  const template = { spec: { restartPolicy: "Never", containers: [shell("main", "echo ticked")] } };
  const jobTemplate = { metadata: { labels: { app: name } }, spec: { template } };
  const object = { apiVersion: "batch/v1", kind: "CronJob", metadata: { name } };
  return { ...object, spec: { jobTemplate, ...spec } } as { readonly kind: string };
}

test("starts a job that is due and says so", async (pods) => {
  await pods.createObject(cronJob("tick", { schedule: "@every 1s", concurrencyPolicy: "Forbid" }));
  const job = await eventually("a job that is complete", 25_000, async () => {
    const { items } = await pods.client.json<{ readonly items: readonly Job[] }>(
      "GET",
      `${root}/jobs`,
    );
    return items.find(({ status }) => status?.completionTime !== undefined);
  });
  assert.is(job.metadata.ownerReferences?.[0]?.kind, "CronJob");
  assert.equal(job.metadata.labels, { app: "tick" });
  await pods.patch("CronJob", "tick", { spec: { suspend: true } });
  const found = await eventually("the success to be told", 20_000, async () => {
    const tick = await pods.client.json<CronJob>("GET", `${root}/cronjobs/tick`);
    return tick.status?.lastSuccessfulTime === undefined ? undefined : tick;
  });
  assert.ok(found.status?.lastScheduleTime);
  const reasons = (await pods.events("tick")).map(({ reason }) => reason);
  assert.ok(reasons.includes("SuccessfulCreate"), reasons.join());
  await pods.deleteObject("CronJob", "tick");
});

test("create job --from runs the template once, whatever the schedule says", async (pods) => {
  await pods.createObject(cronJob("yearly", { schedule: "@yearly", suspend: true }));
  await pods.instance.must(["create", "job", "now", "--from=cronjob/yearly"]);
  const job = await eventually("the job to complete", 25_000, async () => {
    const now = await pods.client.json<Job>("GET", `${root}/jobs/now`);
    return now.status?.succeeded === 1 ? now : undefined;
  });
  assert.is(job.metadata.annotations?.["cronjob.kubernetes.io/instantiate"], "manual");
  assert.is(job.metadata.ownerReferences?.[0]?.name, "yearly");
  await pods.instance.must(["create", "job", "hello", "--image=busybox", "--", "echo", "hello"]);
  await eventually("the other job to complete", 25_000, async () => {
    const hello = await pods.client.json<Job>("GET", `${root}/jobs/hello`);
    return hello.status?.succeeded === 1 ? true : undefined;
  });
});

test("a schedule or a time zone that is none is refused", async (pods) => {
  const wrong: readonly (readonly [spec: object, words: RegExp])[] = [
    [{ schedule: "61 * * * *" }, /spec\.schedule: end of range \(61\) above maximum \(59\)/],
    [{ schedule: "TZ=UTC * * * * *" }, /use timeZone field instead/],
    [
      { schedule: "* * * * *", timeZone: "Mars/Base" },
      /spec\.timeZone: unknown time zone "Mars\/Base"/,
    ],
  ];
  for (const [spec, words] of wrong) {
    try {
      await pods.createObject(cronJob("never", spec));
      assert.unreachable("it was created");
    } catch (error) {
      assert.match(String(error), words);
    }
  }
});

run();
