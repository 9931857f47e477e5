// Jobs with pods that run: completion, indexes, failures, deletion in every way, and a daemon that is killed.
import * as assert from "uvu/assert";
import type { Job } from "../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("jobs", "busybox");

const jobsPath = "/apis/batch/v1/namespaces/default/jobs";

async function listJobs(pods: Pods): Promise<readonly Job[]> {
  return (await pods.client.json<{ readonly items: readonly Job[] }>("GET", jobsPath)).items;
}

async function jobNamed(pods: Pods, name: string): Promise<Job | undefined> {
  return (await listJobs(pods)).find(({ metadata }) => metadata.name === name);
}

async function untilJob(pods: Pods, name: string, type: string): Promise<Job> {
  return await eventually(`job ${name} to be ${type}`, 25_000, async () => {
    const job = await jobNamed(pods, name);
    const isMet = job?.status?.conditions?.some(
      (item) => item.type === type && item.status === "True",
    );
    return isMet === true ? job : undefined;
  });
}

async function podsOf(pods: Pods, job: string): Promise<readonly Pod[]> {
  const labelSelector = `batch.kubernetes.io/job-name=${job}`;
  const { items } = await pods.client.json<{ readonly items: readonly Pod[] }>(
    "GET",
    "/api/v1/namespaces/default/pods",
    { query: { labelSelector } },
  );
  return items;
}

function jobOf(name: string, spec: object, container: object): { readonly kind: string } {
  const template = {
    spec: { restartPolicy: "Never", terminationGracePeriodSeconds: 1, containers: [container] },
  };
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { name },
    spec: { ...spec, template },
  };
  return job;
}

const indexed = { completionMode: "Indexed", completions: 2, parallelism: 2 };

test("the jobs of the manifest end as it says", async (pods) => {
  await pods.createManifest("batch");
  const sum = await untilJob(pods, "sum", "Complete");
  assert.is(sum.status?.completedIndexes, "0-2");
  assert.is(sum.status?.succeeded, 3);
  const logs = await Promise.all(
    (await podsOf(pods, "sum")).map(({ metadata }) => pods.log(metadata.name)),
  );
  assert.equal(
    logs.sort(),
    [0, 1, 2].map((index) => `index ${index} on sum-${index}\n`),
  );
  await untilJob(pods, "flaky", "Complete");
  const wrong = await untilJob(pods, "wrong", "Failed");
  const failure = wrong.status?.conditions?.find(({ type }) => type === "Failed");
  assert.is(failure?.reason, "PodFailurePolicy");
  assert.is(wrong.status?.failed, 1);
  const parts = await untilJob(pods, "parts", "Failed");
  assert.is(parts.status?.conditions?.at(-1)?.reason, "FailedIndexes");
  assert.is(parts.status?.completedIndexes, "0,2");
  assert.is(parts.status?.failedIndexes, "1");
  const first = await untilJob(pods, "first", "Complete");
  assert.is(first.status?.conditions?.at(-1)?.reason, "SuccessPolicy");
  assert.is(first.status?.completedIndexes, "2");
  assert.is(first.status?.failed, undefined);
  assert.equal(await podsOf(pods, "other"), []);
  const table = await pods.instance.must(["get", "jobs,cronjobs,pdb"]);
  assert.match(table, /sum\s+Complete\s+3\/3\s/);
  assert.match(table, /wrong\s+Failed\s+0\/1\s/);
  assert.match(table, /report\s+30 4 29 FEB \*\s+Europe\/Berlin\s+True\s+0\s+<none>/);
  assert.match(table, /careful\s+1\s+N\/A\s+0\s/);
  const reasons = (await pods.events("sum")).map(({ reason }) => reason);
  assert.ok(reasons.includes("SuccessfulCreate") && reasons.includes("Completed"));
});

test("a job takes its pods along when it is deleted", async (pods) => {
  await pods.createObject(jobOf("brief", { parallelism: 2, completions: 2 }, sleeper("main")));
  await eventually("two pods", 20_000, async () =>
    (await podsOf(pods, "brief")).length === 2 ? true : undefined,
  );
  await pods.deleteObject("Job", "brief");
  await eventually("no pod", 20_000, async () =>
    (await podsOf(pods, "brief")).length === 0 ? true : undefined,
  );
  assert.is(await jobNamed(pods, "brief"), undefined);
});

test("a deleted pod counts as a failure and is replaced, in the end", async (pods) => {
  const policy = { rules: [{ action: "Count", onExitCodes: { operator: "In", values: [1] } }] };
  await pods.createObject(jobOf("patient", { podFailurePolicy: policy }, sleeper("main")));
  const [pod] = await eventually("a pod that runs", 20_000, async () => {
    const found = await podsOf(pods, "patient");
    return found[0]?.status?.phase === "Running" ? found : undefined;
  });
  await pods.deleteObject("Pod", pod?.metadata.name ?? "");
  // It waits for the end of the pod, which is not held by the job's finalizer for ever.
  await eventually("the pod to be counted and gone", 20_000, async () => {
    const found = await podsOf(pods, "patient");
    return found.some(({ metadata }) => metadata.name === pod?.metadata.name) ? undefined : true;
  });
  await pods.deleteObject("Job", "patient");
});

test("an index that failed is tried again by itself, under the next daemon, too", async (pods) => {
  const container = {
    ...shell(
      "main",
      'test "$JOB_COMPLETION_INDEX" = 0 || test -e /data/tried || { touch /data/tried; exit 1; }',
    ),
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  };
  const folder = `${pods.instance.base}/data`;
  const job = jobOf("again", { ...indexed, backoffLimitPerIndex: 1 }, container);
  const { template } = (job as unknown as Job).spec;
  const volumes = [{ name: "data", hostPath: { path: folder, type: "DirectoryOrCreate" } }];
  Object.assign(template.spec, { volumes });
  await pods.createObject(job);
  await eventually("index 0 to be done and index 1 to have failed", 20_000, async () => {
    const failed = (await podsOf(pods, "again")).some(({ status }) => status?.phase === "Failed");
    return failed && (await jobNamed(pods, "again"))?.status?.succeeded === 1 ? true : undefined;
  });
  const { pid } = await pods.client.json<{ readonly pid: number }>("GET", "/nspod/v1/system/info");
  process.kill(pid, "SIGKILL");
  const { status } = await untilJob(pods, "again", "Complete");
  assert.is(status?.completedIndexes, "0-1");
  assert.is(status?.failed, 1);
  assert.is(status?.failedIndexes, "");
});

test("suspend ends the pods, resume starts new ones", async (pods) => {
  await pods.createObject(jobOf("paused", { suspend: true }, shell("main", "exit 0")));
  await untilJob(pods, "paused", "Suspended");
  assert.is((await podsOf(pods, "paused")).length, 0);
  await pods.patch("Job", "paused", { spec: { suspend: false } });
  const job = await untilJob(pods, "paused", "Complete");
  assert.is(job.status?.succeeded, 1);
});

test("a daemon that is killed in between counts no pod twice", async (pods) => {
  const spec = { completions: 6, parallelism: 3 };
  await pods.createObject(jobOf("steady", spec, shell("main", "sleep 0.3")));
  await eventually("the first successes", 20_000, async () => {
    const job = await jobNamed(pods, "steady");
    return (job?.status?.succeeded ?? 0) > 0 ? true : undefined;
  });
  const { pid } = await pods.client.json<{ readonly pid: number }>("GET", "/nspod/v1/system/info");
  process.kill(pid, "SIGKILL");
  const job = await untilJob(pods, "steady", "Complete");
  assert.is(job.status?.succeeded, 6);
  assert.is((await podsOf(pods, "steady")).length, 6);
});

test("a job that no rule allows is refused with the field", async (pods) => {
  const wrong: readonly (readonly [spec: object, words: RegExp])[] = [
    [
      { completionMode: "Indexed", parallelism: 2 },
      /spec\.completions: is required when completion mode is Indexed/,
    ],
    [{ backoffLimit: -1 }, /spec\.backoffLimit: must be greater than or equal to 0/],
    [{ backoffLimitPerIndex: 1 }, /spec\.backoffLimitPerIndex: requires indexed completion mode/],
    [{ selector: { matchLabels: { a: "b" } } }, /not auto-generated/],
  ];
  for (const [spec, words] of wrong) {
    try {
      await pods.createObject(jobOf("never", spec, shell("main", "exit 0")));
      assert.unreachable("it was created");
    } catch (error) {
      assert.match(String(error), words);
    }
  }
  await pods.createObject(
    jobOf("fixed", { suspend: true, completions: 2 }, shell("main", "exit 0")),
  );
  try {
    await pods.patch("Job", "fixed", { spec: { completions: 3 } });
    assert.unreachable("it was changed");
  } catch (error) {
    assert.match(String(error), /spec\.completions: field is immutable/);
  }
});

test("a finished job with no time to live is gone with its pods", async (pods) => {
  await pods.createObject(jobOf("gone", { ttlSecondsAfterFinished: 0 }, shell("main", "exit 0")));
  await eventually("the job to go", 20_000, async () => {
    return (await jobNamed(pods, "gone")) === undefined ? true : undefined;
  });
  assert.is((await podsOf(pods, "gone")).length, 0);
});

run();
