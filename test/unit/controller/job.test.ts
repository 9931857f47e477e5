// Jobs: how many pods, which are counted, when it ends; on a clock of the test.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseIndexes } from "../../../src/spec/job-indexes.ts";
import type { Job } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { nodeOf } from "../scheduler/fixture.ts";
import { Batch, conditionsOf, template } from "./batch.ts";

const test = suite("JobController");
let batch: Batch;

test.before.each(() => {
  batch = new Batch();
});

test.after.each(() => {
  batch.stop();
});

async function start(spec: object, more: object = {}): Promise<Job> {
  const job = batch.create<Job>("Job", "work", { template: template(more), ...spec });
  await batch.settled();
  return job;
}

/** Ends one pod that is at work. */
async function endOne(exitCode: number): Promise<void> {
  const [pod] = batch.active();
  if (pod === undefined) throw new Error("no pod is at work");
  batch.end(pod, exitCode);
  await batch.settled();
}

test("runs as many pods as parallelism allows until enough have succeeded", async () => {
  const job = await start({ completions: 3, parallelism: 2 });
  assert.is(batch.active().length, 2);
  const [pod] = batch.pods();
  assert.equal(pod?.metadata.labels, {
    "batch.kubernetes.io/controller-uid": job.metadata.uid,
    "batch.kubernetes.io/job-name": "work",
    "controller-uid": job.metadata.uid,
    "job-name": "work",
  });
  assert.is(batch.job()?.status?.active, 2);
  for (let round = 0; round < 3; round++) await endOne(0);
  const { status } = batch.job() ?? {};
  assert.is(status?.succeeded, 3);
  assert.is(status?.active, 0);
  assert.ok(status?.completionTime);
  assert.equal(conditionsOf(batch.job()), [
    "SuccessCriteriaMet CompletionsReached",
    "Complete CompletionsReached",
  ]);
  assert.is(batch.pods().length, 3);
  assert.not(batch.pods().some(({ metadata }) => metadata.finalizers));
  assert.is(batch.events.filter((reason) => reason === "SuccessfulCreate").length, 3);
  assert.is(batch.events.at(-1), "Completed");
});

test("a failed pod is replaced after 10 s, the next after 20 s, and the limit ends the job", async () => {
  await start({ backoffLimit: 2 });
  await endOne(1);
  assert.is(batch.active().length, 0);
  await batch.pass(9_000);
  assert.is(batch.active().length, 0);
  await batch.pass(1_000);
  assert.is(batch.active().length, 1);
  await endOne(1);
  await batch.pass(19_000);
  assert.is(batch.active().length, 0);
  await batch.pass(1_000);
  await endOne(1);
  assert.is(batch.job()?.status?.failed, 3);
  assert.equal(conditionsOf(batch.job()), [
    "FailureTarget BackoffLimitExceeded",
    "Failed BackoffLimitExceeded",
  ]);
  assert.is(batch.events.at(-1), "BackoffLimitExceeded");
  await batch.pass(600_000);
  assert.is(batch.active().length, 0);
});

test("the wait after a failure doubles up to six minutes, and a success forgets the failures", async () => {
  await start({ backoffLimit: 100, completions: 2 });
  for (const seconds of [10, 20, 40, 80, 160, 320, 360, 360]) {
    await endOne(1);
    await batch.pass(1000 * seconds - 1000);
    assert.is(batch.active().length, 0, `${seconds} s`);
    await batch.pass(1000);
    assert.is(batch.active().length, 1, `${seconds} s`);
  }
  await batch.pass(1000);
  await endOne(0);
  assert.is(batch.active().length, 1);
  await batch.pass(1000);
  await endOne(1);
  await batch.pass(9_000);
  assert.is(batch.active().length, 0);
  await batch.pass(1_000);
  assert.is(batch.active().length, 1);
});

test("pods of an indexed job know their index, and each index is done once", async () => {
  await start({ completions: 4, parallelism: 4, completionMode: "Indexed" });
  const pods = batch.active();
  const index = "batch.kubernetes.io/job-completion-index";
  assert.equal(pods.map(({ metadata }) => metadata.annotations?.[index]).sort(), [..."0123"]);
  const third = pods.find(({ metadata }) => metadata.labels?.[index] === "2");
  assert.is(third?.spec.hostname, "work-2");
  assert.match(third?.metadata.name ?? "", /^work-2-\w{5}$/);
  assert.equal(third?.spec.containers[0]?.env, [
    {
      name: "JOB_COMPLETION_INDEX",
      valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: `metadata.labels['${index}']` } },
    },
  ]);
  for (const pod of pods) if (pod !== third) batch.end(pod, 0);
  await batch.settled();
  assert.is(batch.job()?.status?.completedIndexes, "0-1,3");
  if (third) batch.end(third, 1);
  await batch.pass(10_000);
  assert.equal(
    batch.active().map(({ metadata }) => metadata.labels?.[index]),
    ["2"],
  );
  await endOne(0);
  assert.is(batch.job()?.status?.completedIndexes, "0-3");
  assert.is(batch.job()?.status?.succeeded, 4);
  assert.ok(conditionsOf(batch.job()).includes("Complete CompletionsReached"));
});

test("without completions one success is enough, and no pod comes after it", async () => {
  await start({ parallelism: 3 });
  await endOne(0);
  assert.is(batch.active().length, 2);
  await endOne(0);
  await endOne(0);
  assert.ok(conditionsOf(batch.job()).includes("Complete CompletionsReached"));
  assert.is(batch.pods().length, 3);
});

test("a deadline ends the pods and the job", async () => {
  await start({ activeDeadlineSeconds: 60, parallelism: 2, completions: 2 });
  await batch.pass(59_000);
  assert.is(batch.active().length, 2);
  await batch.pass(1_000);
  assert.is(batch.pods().length, 0);
  assert.is(batch.job()?.status?.failed, 2);
  assert.ok(conditionsOf(batch.job()).includes("Failed DeadlineExceeded"));
});

test("the deadline counts from the last start, and the next daemon goes on counting", async () => {
  await start({ activeDeadlineSeconds: 60 });
  await batch.pass(50_000);
  batch.change<Job>("Job", "work", { suspend: true });
  await batch.settled();
  await batch.pass(600_000);
  assert.equal(conditionsOf(batch.job()), ["Suspended JobSuspended"]);
  batch.change<Job>("Job", "work", { suspend: false });
  await batch.settled();
  await batch.pass(50_000);
  batch.start();
  await batch.settled();
  assert.is(batch.active().length, 1);
  await batch.pass(10_000);
  assert.ok(conditionsOf(batch.job()).includes("Failed DeadlineExceeded"));
});

test("suspend takes the pods away and counts none; resume begins anew", async () => {
  await start({ suspend: true });
  assert.is(batch.pods().length, 0);
  assert.is(batch.job()?.status?.startTime, undefined);
  assert.equal(conditionsOf(batch.job()), ["Suspended JobSuspended"]);
  batch.change<Job>("Job", "work", { suspend: false });
  await batch.settled();
  assert.is(batch.active().length, 1);
  assert.equal(conditionsOf(batch.job()), []);
  batch.change<Job>("Job", "work", { suspend: true });
  await batch.settled();
  assert.is(batch.pods().length, 0);
  assert.is(batch.job()?.status?.failed, undefined);
  assert.equal(
    batch.events.filter((reason) => /d$/.test(reason)),
    ["Suspended", "Resumed", "Suspended"],
  );
});

test("rules of the failure policy: ignored, counted, the end of the job", async () => {
  const rules = [
    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
    { action: "FailJob", onExitCodes: { operator: "In", values: [42] } },
  ];
  await start({ podFailurePolicy: { rules }, backoffLimit: 5 });
  const [first] = batch.active();
  batch.store.mutate("Pod", "default", first?.metadata.name ?? "", (pod) => ({
    ...pod,
    status: { conditions: [{ type: "DisruptionTarget", status: "True" }] },
  }));
  if (first) batch.end(first, 137);
  await batch.pass(10_000);
  assert.is(batch.job()?.status?.failed, undefined);
  await endOne(3);
  assert.is(batch.job()?.status?.failed, 1);
  await batch.pass(20_000);
  const [last] = batch.active();
  await endOne(42);
  const failed = batch.job()?.status?.conditions?.find(({ type }) => type === "Failed");
  assert.is(failed?.reason, "PodFailurePolicy");
  assert.is(
    failed?.message,
    `Container main for pod default/${last?.metadata.name} failed with exit code 42 matching FailJob rule at index 1`,
  );
});

const indexAnnotation = "batch.kubernetes.io/job-completion-index";
const countAnnotation = "batch.kubernetes.io/job-index-failure-count";

/** Ends the pod that is at work for an index. */
async function endIndex(index: number, exitCode: number): Promise<void> {
  const pod = batch
    .active()
    .find(({ metadata }) => metadata.annotations?.[indexAnnotation] === `${index}`);
  if (pod === undefined) throw new Error(`no pod is at work for index ${index}`);
  batch.end(pod, exitCode);
  await batch.settled();
}

/** `1:2`: index and failures before, of each pod at work. */
function atWork(): readonly string[] {
  return batch
    .active()
    .map(
      ({ metadata: { annotations } }) =>
        `${annotations?.[indexAnnotation]}:${annotations?.[countAnnotation]}`,
    )
    .sort();
}

const perIndex = {
  completionMode: "Indexed",
  completions: 3,
  parallelism: 3,
  backoffLimitPerIndex: 1,
};

test("backoffLimitPerIndex: an index that fails too often fails alone, the others go on", async () => {
  await start(perIndex);
  assert.equal(atWork(), ["0:0", "1:0", "2:0"]);
  await endIndex(1, 1);
  await batch.pass(9_000);
  assert.equal(atWork(), ["0:0", "2:0"]);
  await batch.pass(1_000);
  assert.equal(atWork(), ["0:0", "1:1", "2:0"]);
  await endIndex(1, 1);
  assert.is(batch.job()?.status?.failedIndexes, "1");
  assert.is(batch.job()?.status?.failed, 2);
  await batch.pass(600_000);
  assert.equal(atWork(), ["0:0", "2:0"]);
  await endIndex(0, 0);
  await endIndex(2, 0);
  assert.is(batch.job()?.status?.completedIndexes, "0,2");
  assert.equal(conditionsOf(batch.job()), ["FailureTarget FailedIndexes", "Failed FailedIndexes"]);
  assert.not(batch.pods().some(({ metadata }) => metadata.finalizers));
});

test("backoffLimitPerIndex: each index waits for itself, and a free one does not wait for it", async () => {
  await start({ ...perIndex, parallelism: 1, backoffLimitPerIndex: 5 });
  await endIndex(0, 1);
  assert.equal(atWork(), ["1:0"]);
  await batch.pass(10_000);
  await endIndex(1, 1);
  assert.equal(atWork(), ["0:1"]);
  await endIndex(0, 1);
  assert.equal(atWork(), ["2:0"]);
  await endIndex(2, 0);
  assert.equal(atWork(), []);
  await batch.pass(10_000);
  assert.equal(atWork(), ["1:1"]);
  await endIndex(1, 0);
  await batch.pass(9_000);
  assert.equal(atWork(), []);
  await batch.pass(1_000);
  assert.equal(atWork(), ["0:2"]);
  await endIndex(0, 0);
  assert.ok(conditionsOf(batch.job()).includes("Complete CompletionsReached"));
  assert.is(batch.job()?.status?.failed, 3);
  assert.is(batch.job()?.status?.failedIndexes, "");
});

test("backoffLimitPerIndex: the failed pod stays until the next one is there, whoever deletes it", async () => {
  await start({ ...perIndex, completions: 1, parallelism: 1, backoffLimitPerIndex: 1 });
  await endIndex(0, 1);
  const [failed] = batch.pods();
  batch.remove("Pod", failed?.metadata.name ?? "");
  batch.start();
  await batch.settled();
  assert.is(batch.pods().length, 1);
  await batch.pass(10_000);
  assert.equal(atWork(), ["0:1"]);
  assert.is(batch.pods().length, 1);
  assert.is(batch.job()?.status?.failed, 1);
  await endIndex(0, 1);
  assert.is(batch.job()?.status?.failed, 2);
  assert.ok(conditionsOf(batch.job()).includes("Failed FailedIndexes"));
});

test("maxFailedIndexes: one failed index too many ends the job and the pods of the others", async () => {
  await start({ ...perIndex, backoffLimitPerIndex: 0, maxFailedIndexes: 1 });
  await endIndex(0, 1);
  assert.equal(conditionsOf(batch.job()), []);
  await endIndex(2, 1);
  assert.ok(conditionsOf(batch.job()).includes("Failed MaxFailedIndexesExceeded"));
  assert.is(batch.job()?.status?.failedIndexes, "0,2");
  assert.equal(atWork(), []);
});

test("backoffLimit and a deadline count what is held, too", async () => {
  await start({ ...perIndex, backoffLimit: 1, backoffLimitPerIndex: 3 });
  await endIndex(0, 1);
  assert.equal(conditionsOf(batch.job()), []);
  await endIndex(1, 1);
  assert.ok(conditionsOf(batch.job()).includes("Failed BackoffLimitExceeded"));
  assert.is(batch.job()?.status?.failed, 3);
  assert.not(batch.pods().some(({ metadata }) => metadata.finalizers));
});

test("rules of the failure policy with a limit per index: FailIndex, and Ignore which waits nevertheless", async () => {
  const exited = (code: number): object => ({ onExitCodes: { operator: "In", values: [code] } });
  const rules = [
    { action: "FailIndex", ...exited(42) },
    { action: "Ignore", ...exited(7) },
  ];
  await start({ ...perIndex, backoffLimitPerIndex: 1, podFailurePolicy: { rules } });
  await endIndex(0, 42);
  assert.is(batch.job()?.status?.failedIndexes, "0");
  await endIndex(1, 7);
  await batch.pass(10_000);
  assert.equal(atWork(), ["1:0", "2:0"]);
  await endIndex(1, 7);
  await batch.pass(19_000);
  assert.equal(atWork(), ["2:0"]);
  await batch.pass(1_000);
  assert.equal(atWork(), ["1:0", "2:0"]);
  await endIndex(1, 0);
  await endIndex(2, 0);
  assert.ok(conditionsOf(batch.job()).includes("Failed FailedIndexes"));
  assert.is(batch.job()?.status?.failed, 1);
});

test("successPolicy: the indexes that matter are done, and the rest is ended without failures", async () => {
  const rules = [{ succeededIndexes: "0,2" }, { succeededCount: 3 }];
  await start({ ...perIndex, completions: 4, parallelism: 4, successPolicy: { rules } });
  await endIndex(1, 0);
  await endIndex(2, 0);
  assert.equal(conditionsOf(batch.job()), []);
  await endIndex(0, 0);
  const { status } = batch.job() ?? {};
  assert.equal(conditionsOf(batch.job()), [
    "SuccessCriteriaMet SuccessPolicy",
    "Complete SuccessPolicy",
  ]);
  assert.is(status?.conditions?.at(-1)?.message, "Matched rules at index 0");
  assert.is(status?.completedIndexes, "0-2");
  assert.is(status?.failed, undefined);
  assert.equal(atWork(), []);
  assert.is(batch.events.at(-1), "Completed");
});

test("successPolicy: so many of some indexes, and a failure that comes first", async () => {
  const rules = [{ succeededIndexes: "0-2", succeededCount: 2 }];
  await start({ ...perIndex, completions: 4, parallelism: 4, successPolicy: { rules } });
  await endIndex(3, 0);
  await endIndex(2, 0);
  assert.equal(conditionsOf(batch.job()), []);
  await endIndex(1, 0);
  assert.ok(conditionsOf(batch.job()).includes("Complete SuccessPolicy"));
  const strict = { ...perIndex, backoffLimitPerIndex: 0, maxFailedIndexes: 0 };
  batch.remove("Job", "work");
  await batch.settled();
  await start({ ...strict, completions: 4, parallelism: 4, successPolicy: { rules } });
  await endIndex(0, 0);
  await endIndex(3, 1);
  assert.ok(conditionsOf(batch.job()).includes("Failed MaxFailedIndexesExceeded"));
});

test("podReplacementPolicy: Failed waits for the end of a pod that is deleted, TerminatingOrFailed does not", async () => {
  batch.store.create(nodeOf("n1").node);
  for (const [podReplacementPolicy, during] of [
    ["Failed", 0],
    ["TerminatingOrFailed", 1],
  ] as const) {
    const name = podReplacementPolicy.toLowerCase();
    batch.create<Job>("Job", name, { podReplacementPolicy, template: template() });
    await batch.settled();
    const [pod] = batch.active();
    // A node runs it: it takes its time to end.
    batch.store.mutate<Pod>("Pod", "default", pod?.metadata.name ?? "", (now) => ({
      ...now,
      spec: { ...now.spec, nodeName: "n1" },
    }));
    batch.remove("Pod", pod?.metadata.name ?? "");
    await batch.pass(60_000);
    const others = batch.pods().filter(({ metadata }) => metadata.uid !== pod?.metadata.uid);
    assert.is(others.length, during, podReplacementPolicy);
    assert.is(batch.job(name)?.status?.terminating, 1);
    if (pod) batch.end(pod, 137);
    await batch.pass(60_000);
    assert.is(batch.job(name)?.status?.failed, 1);
    assert.is(batch.job(name)?.status?.active, 1);
    batch.remove("Job", name);
    for (const { metadata } of batch.pods()) batch.store.delete("Pod", "default", metadata.name);
    await batch.settled();
  }
});

test("managedBy: the job of another controller is left alone", async () => {
  await start({ managedBy: "example.com/queue" });
  assert.equal(batch.pods(), []);
  assert.equal(batch.job()?.status, {});
  assert.is(batch.clock.timers, 0);
});

test("fewer pods when parallelism is lowered, and they are no failures", async () => {
  await start({ completions: 6, parallelism: 4 });
  batch.change<Job>("Job", "work", { parallelism: 1 });
  await batch.settled();
  assert.is(batch.active().length, 1);
  assert.is(batch.job()?.status?.failed, undefined);
});

test("a finished job goes after its time to live, and its pods do not hold it", async () => {
  await start({ ttlSecondsAfterFinished: 100 });
  await endOne(0);
  await batch.pass(99_000);
  assert.ok(batch.job());
  await batch.pass(1_000);
  // Its dependents first: the garbage collector takes it from here.
  assert.equal(batch.job()?.metadata.finalizers, ["foregroundDeletion"]);
});

test("ttlSecondsAfterFinished: 0 is at once, a failed job goes, too, and time passes without a daemon", async () => {
  await start({ ttlSecondsAfterFinished: 100, backoffLimit: 0 });
  await endOne(1);
  assert.ok(conditionsOf(batch.job()).includes("Failed BackoffLimitExceeded"));
  batch.away();
  await batch.pass(100_000);
  assert.is(batch.job()?.metadata.deletionTimestamp, undefined);
  batch.start();
  await batch.settled();
  assert.ok(batch.job()?.metadata.deletionTimestamp);
  batch.create<Job>("Job", "brief", { template: template(), ttlSecondsAfterFinished: 0 });
  await batch.settled();
  await endOne(0);
  assert.ok(batch.job("brief")?.metadata.deletionTimestamp);
});

test("pods of a job that was deleted are let go, also by a daemon that did not see it", async () => {
  await start({ parallelism: 2, completions: 2 });
  batch.remove("Job", "work");
  await batch.settled();
  assert.not(batch.pods().some(({ metadata }) => metadata.finalizers));
  batch.store.mutate("Pod", "default", batch.pods()[0]?.metadata.name ?? "", (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, finalizers: ["batch.kubernetes.io/job-tracking"] },
  }));
  batch.start();
  await batch.settled();
  assert.not(batch.pods().some(({ metadata }) => metadata.finalizers));
});

test("never more pods than wanted, none counted twice, whatever happens and whenever the daemon dies", async () => {
  const step = fc.constantFrom("succeed", "fail", "delete", "restart", "wait", "forget");
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 1, max: 4 }),
    fc.boolean(),
    fc.array(step, { maxLength: 25 }),
    async (completions, parallelism, isIndexed, steps) => {
      batch.stop();
      batch = new Batch();
      const completionMode = isIndexed ? "Indexed" : "NonIndexed";
      await start({ completions, parallelism, completionMode, backoffLimit: 100 });
      let [succeeded, failed] = [0, 0];
      for (const action of steps) {
        const [pod] = batch.active();
        if (action === "restart") batch.start();
        else if (action === "wait") await batch.pass(360_000);
        else if (action === "forget") {
          const ended = batch.pods().find(({ status }) => status?.phase === "Succeeded");
          if (ended) batch.remove("Pod", ended.metadata.name);
        } else if (pod !== undefined) {
          if (action === "succeed") succeeded++;
          else failed++;
          if (action === "delete") batch.remove("Pod", pod.metadata.name);
          else batch.end(pod, action === "succeed" ? 0 : 1);
        }
        await batch.settled();
        assert.ok(batch.active().length <= Math.min(parallelism, completions - succeeded));
        assert.is(batch.job()?.status?.succeeded ?? 0, succeeded);
        assert.is(batch.job()?.status?.failed ?? 0, failed);
      }
      const isComplete = conditionsOf(batch.job()).includes("Complete CompletionsReached");
      assert.is(isComplete, succeeded === completions);
    },
  );
  await fc.assert(property, { numRuns: 25 });
});

test("each index has its own count of failures, whatever happens and whenever the daemon dies", async () => {
  const step = fc.constantFrom("succeed", "fail", "delete", "restart", "wait", "forget");
  const property = fc.asyncProperty(
    fc.integer({ min: 1, max: 3 }),
    fc.integer({ min: 1, max: 3 }),
    fc.nat({ max: 2 }),
    fc.array(step, { maxLength: 25 }),
    async (completions, parallelism, limit, steps) => {
      batch.stop();
      batch = new Batch();
      await start({ ...perIndex, completions, parallelism, backoffLimitPerIndex: limit });
      const failures = new Array<number>(completions).fill(0);
      const done = new Set<number>();
      const working = (): readonly Pod[] =>
        batch.active().filter(({ metadata }) => metadata.deletionTimestamp === undefined);
      for (const action of steps) {
        const [pod] = working();
        const index = Number(pod?.metadata.annotations?.[indexAnnotation]);
        if (action === "restart") batch.start();
        else if (action === "wait") await batch.pass(360_000);
        else if (action === "forget") {
          const ended = batch.pods().find(({ status }) => status?.phase !== undefined);
          if (ended) batch.remove("Pod", ended.metadata.name);
        } else if (pod !== undefined) {
          if (action === "succeed") done.add(index);
          else failures[index] = (failures[index] ?? 0) + 1;
          if (action === "delete") batch.remove("Pod", pod.metadata.name);
          else batch.end(pod, action === "succeed" ? 0 : 1);
        }
        await batch.settled();
        const failed = failures.flatMap((count, each) => (count > limit ? [each] : []));
        const { status } = batch.job() ?? {};
        assert.equal([...parseIndexes(status?.failedIndexes ?? "", completions)], failed);
        assert.is(status?.succeeded ?? 0, done.size);
        const left = completions - done.size - failed.length;
        assert.ok(working().length <= Math.min(parallelism, left));
        for (const { metadata } of working()) {
          const at = Number(metadata.annotations?.[indexAnnotation]);
          assert.is(metadata.annotations?.[countAnnotation], `${failures[at]}`);
        }
        // What is held is not counted yet.
        const total = failures.reduce((sum, count) => sum + count, 0);
        const counted = status?.failed ?? 0;
        assert.ok(counted <= total && counted >= total - left, `${counted} of ${total}`);
        const end = conditionsOf(batch.job()).at(-1);
        const wanted = failed.length > 0 ? "Failed FailedIndexes" : "Complete CompletionsReached";
        assert.is(end, left === 0 ? wanted : undefined);
      }
    },
  );
  await fc.assert(property, { numRuns: 25 });
});

test.run();
