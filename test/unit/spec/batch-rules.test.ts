// What jobs, schedules and budgets may say, and what of them may change later.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { defaultObject, validateNew, validateUpdate } from "../../../src/spec/admit.ts";
import { checkIndexes, formatIndexes, parseIndexes } from "../../../src/spec/job-indexes.ts";
import type { CronJob, Job, PodDisruptionBudget } from "../../../src/spec/kubernetes.gen.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";

const test = suite("batchRules");
const pod = { restartPolicy: "Never", containers: [{ name: "main", image: "busybox" }] };

function make<T extends KubernetesObject>(
  kind: T["kind"],
  apiVersion: string,
  spec: object,
  name = "x",
): T {
  const metadata = { name, namespace: "default", uid: "" };
  const object = { apiVersion, kind, metadata, spec } as unknown as T;
  return defaultObject(object, { randomSuffix: () => "" });
}

const job = (spec: object, name?: string): Job =>
  make<Job>("Job", "batch/v1", { template: { metadata: {}, spec: pod }, ...spec }, name);
const cron = (spec: object, name?: string): CronJob =>
  make<CronJob>(
    "CronJob",
    "batch/v1",
    {
      schedule: "* * * * *",
      jobTemplate: { metadata: {}, spec: { template: { metadata: {}, spec: pod } } },
      ...spec,
    },
    name,
  );
const budget = (spec: object): PodDisruptionBudget =>
  make<PodDisruptionBudget>("PodDisruptionBudget", "policy/v1", spec);

function complaints(object: KubernetesObject): string {
  return validateNew(object)
    .map(({ path, message }) => `${path}: ${message}`)
    .join("\n");
}

test("defaults", () => {
  const { spec } = job({});
  assert.is(spec.completions, 1);
  assert.is(spec.parallelism, 1);
  assert.is(spec.backoffLimit, 6);
  assert.is(spec.podReplacementPolicy, "TerminatingOrFailed");
  const indexed = { completionMode: "Indexed", completions: 2, backoffLimitPerIndex: 1 };
  assert.is(job(indexed).spec.backoffLimit, 2 ** 31 - 1);
  // Who asks for workers has no number of completions.
  assert.is(job({ parallelism: 3 }).spec.completions, undefined);
  const policy = { podFailurePolicy: { rules: [] } };
  assert.is(job(policy).spec.podReplacementPolicy, "Failed");
  assert.is(cron({}).spec.concurrencyPolicy, "Allow");
  assert.is(cron({}).spec.successfulJobsHistoryLimit, 3);
  assert.is(cron({}).spec.failedJobsHistoryLimit, 1);
});

test("rules name the field", () => {
  const always = { template: { metadata: {}, spec: { ...pod, restartPolicy: "Always" } } };
  const rule = (more: object): object => ({
    podFailurePolicy: { rules: [{ action: "Count", ...more }] },
  });
  const exit = (values: readonly number[], containerName?: string): object =>
    rule({ onExitCodes: { operator: "In", values, containerName } });
  const exited = { onExitCodes: { operator: "In", values: [1] } };
  const indexed = { completionMode: "Indexed", completions: 4 };
  const onFailure = { template: { metadata: {}, spec: { ...pod, restartPolicy: "OnFailure" } } };
  const success = (more: object): object => ({ successPolicy: { rules: [more] } });
  for (const [object, words] of [
    [job(always), /spec\.template\.spec\.restartPolicy: must be one of "OnFailure", "Never"/],
    [job({ parallelism: -1 }), /spec\.parallelism: must be greater than or equal to 0/],
    [job({ completionMode: "Indexed", parallelism: 2 }), /spec\.completions: is required/],
    [job({ manualSelector: true }), /spec\.selector: is required/],
    [job({ managedBy: "me" }), /spec\.managedBy/],
    [job(rule({})), /rules\[0\]: specifying one of OnExitCodes and OnPodConditions is required/],
    [job(exit([0])), /must not be 0 for the In operator/],
    [job(exit([3, 2])), /must be ordered and without duplicates/],
    [job(exit([1], "other")), /must be one of the container or initContainer names/],
    [job({ backoffLimitPerIndex: 1 }), /backoffLimitPerIndex: requires indexed completion mode/],
    [job({ ...indexed, maxFailedIndexes: 1 }), /backoffLimitPerIndex: is required when/],
    [
      job({ ...indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 9 }),
      /maxFailedIndexes: must be less than or equal to completions, which is 4/,
    ],
    [
      job({ ...indexed, backoffLimitPerIndex: 1, ...onFailure }),
      /restartPolicy: only "Never" is supported when backoffLimitPerIndex/,
    ],
    [job(rule({ ...exited, action: "FailIndex" })), /"FailIndex" requires backoffLimitPerIndex/],
    [job(success({ succeededCount: 1 })), /successPolicy: requires indexed completion mode/],
    [job({ ...indexed, ...success({}) }), /rules\[0\]: at least one of succeededCount and/],
    [job({ ...indexed, successPolicy: { rules: [] } }), /at least one rule is required/],
    [
      job({ ...indexed, ...success({ succeededIndexes: "0-4" }) }),
      /succeededIndexes: must be less than completions, which is 4: got 4/,
    ],
    [
      job({ ...indexed, ...success({ succeededIndexes: "0-1", succeededCount: 3 }) }),
      /succeededCount: must be 1 to 2: got 3/,
    ],
    [cron({}, "a".repeat(53)), /metadata\.name: must be no more than 52 characters/],
    [cron({ startingDeadlineSeconds: -1 }), /startingDeadlineSeconds/],
    [budget({ minAvailable: 1, maxUnavailable: 1 }), /cannot be both set/],
    [budget({ minAvailable: "101%" }), /spec\.minAvailable: must not be greater than 100%/],
    [budget({ maxUnavailable: "x" }), /spec\.maxUnavailable/],
  ] as const) {
    assert.match(complaints(object), words);
  }
  for (const good of [
    job({}),
    job(exit([1, 42], "main")),
    job({ ...indexed, backoffLimitPerIndex: 0, maxFailedIndexes: 4 }),
    job({ ...indexed, ...success({ succeededIndexes: "0,2-3", succeededCount: 2 }) }),
    job({ managedBy: "example.com/queue" }),
    cron({}),
    budget({ minAvailable: "50%" }),
  ]) {
    assert.is(complaints(good), "");
  }
});

test("what a job does is fixed once it is there; how fast is not", () => {
  const changed = (before: object, after: object): string =>
    validateUpdate(job(after), job(before))
      .map(({ path }) => path)
      .join();
  assert.is(changed({ completions: 2 }, { completions: 3 }), "spec.completions");
  assert.is(changed({ completions: 2 }, { completions: 2, parallelism: 9, suspend: true }), "");
  const indexed = { completionMode: "Indexed", completions: 2, parallelism: 2 };
  assert.is(changed(indexed, { ...indexed, completions: 3, parallelism: 3 }), "");
  assert.is(changed(indexed, { ...indexed, completions: 3 }), "spec.completions");
  const limited = { ...indexed, backoffLimitPerIndex: 1 };
  assert.is(
    changed(limited, { ...limited, backoffLimitPerIndex: 2, maxFailedIndexes: 1 }),
    "spec.backoffLimitPerIndex",
  );
  const there = { template: { metadata: {}, spec: { ...pod, nodeSelector: { a: "b" } } } };
  assert.is(changed({}, there), "spec.template");
  assert.is(changed({ suspend: true }, { suspend: true, ...there }), "");
});

test("indexes are written as ranges and read again", () => {
  assert.is(formatIndexes([7, 1, 4, 3, 5]), "1,3-5,7");
  assert.equal([...parseIndexes("1,3-5,7", 5)], [1, 3, 4]);
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(50)), (indexes) => {
      const again = [...parseIndexes(formatIndexes(indexes), 51)];
      assert.equal(
        again,
        [...indexes].sort((a, b) => a - b),
      );
    }),
  );
});

test("checkIndexes() takes what formatIndexes() writes, and names what is wrong", () => {
  const sets = fc.uniqueArray(fc.nat({ max: 99 }), { minLength: 1 });
  fc.assert(fc.property(sets, (set) => checkIndexes(formatIndexes(set), 100) === undefined));
  for (const [text, words] of [
    ["", /must be numbers and ranges/],
    ["1,x", /must be numbers and ranges.*"x"/],
    ["1-", /must be numbers and ranges/],
    ["2,1", /must be in order and without duplicates: got "1"/],
    ["3-3", /must be in order/],
    ["1-4,4", /must be in order/],
    ["9-10", /must be less than completions, which is 10: got 10/],
  ] as const) {
    assert.match(checkIndexes(text, 10) ?? "", words, text);
  }
  assert.is(checkIndexes("0,2-4,9", 10), undefined);
});

test.run();
