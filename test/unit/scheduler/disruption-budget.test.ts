// Budgets: how many pods may be evicted, by numbers and shares, and which pods do not count.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  budgetStatus,
  isOutsideBudgets,
  refuseEviction,
  selectPods,
} from "../../../src/scheduler/disruption-budget.ts";
import type { PodDisruptionBudget } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";

const test = suite("disruptionBudget");

function budget(spec: object): PodDisruptionBudget {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "web", namespace: "default", uid: "b", generation: 2 },
    spec: { selector: { matchLabels: { app: "web" } }, ...spec },
  };
}

function pod(name: string, isReady = true, more: object = {}): Pod {
  const owner = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: "web",
    uid: "r",
    controller: true,
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace: "default",
      uid: name,
      labels: { app: "web" },
      ownerReferences: [owner],
      ...more,
    },
    spec: { containers: [] },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
    },
  };
}

function allowed(spec: object, pods: readonly Pod[], scale = pods.length): number | undefined {
  return budgetStatus(budget(spec), pods, () => scale, 0).disruptionsAllowed;
}

const four = ["a", "b", "c", "d"].map((name) => pod(name));

test("numbers and shares of what the owner asks for", () => {
  assert.is(allowed({ minAvailable: 3 }, four), 1);
  assert.is(allowed({ minAvailable: 5 }, four), 0);
  assert.is(allowed({ minAvailable: "50%" }, four), 2);
  // Rounded up, both.
  assert.is(allowed({ minAvailable: "51%" }, four), 1);
  assert.is(allowed({ maxUnavailable: "26%" }, four), 2);
  assert.is(allowed({ maxUnavailable: 1 }, four), 1);
  // One of five is missing already.
  assert.is(allowed({ maxUnavailable: 1 }, four, 5), 0);
  assert.is(allowed({ minAvailable: 0 }, []), 0);
});

test("pods that are not ready or that go are not healthy", () => {
  const gone = pod("e", true, { deletionTimestamp: "2026-01-01T00:00:00Z" });
  const status = budgetStatus(
    budget({ minAvailable: 1 }),
    [pod("a"), pod("b", false), gone],
    () => 3,
    0,
  );
  assert.is(status.currentHealthy, 1);
  assert.is(status.expectedPods, 3);
  assert.is(status.disruptionsAllowed, 0);
  assert.is(status.observedGeneration, 2);
  assert.is(status.conditions?.[0]?.reason, "InsufficientPods");
});

test("a share of pods that nobody controls cannot be told", () => {
  const free = pod("a", true, { ownerReferences: undefined });
  const status = budgetStatus(budget({ maxUnavailable: 1 }), [free], () => 1, 0);
  assert.is(status.disruptionsAllowed, 0);
  assert.is(status.conditions?.[0]?.reason, "SyncFailed");
  assert.is(allowed({ minAvailable: 0 }, [free]), 1);
});

test("selects running pods of its namespace; an empty selector all of them, none without one", () => {
  const other = pod("x", true, { namespace: "other" });
  const ended = { ...pod("y"), status: { phase: "Succeeded" as const } };
  const names = (spec: object): string =>
    selectPods(budget(spec), [...four, other, ended, pod("z", true, { labels: {} })])
      .map(({ metadata }) => metadata.name)
      .join("");
  assert.is(names({}), "abcd");
  assert.is(names({ selector: {} }), "abcdz");
  assert.is(names({ selector: undefined }), "");
});

test("a pod that is not ready may go when enough others are, or always when the budget says so", () => {
  const sick = pod("s", false);
  const enough = { currentHealthy: 3, desiredHealthy: 3, disruptionsAllowed: 0 };
  const few = { currentHealthy: 2, desiredHealthy: 3, disruptionsAllowed: 0 };
  assert.is(refuseEviction({ ...budget({}), status: enough }, sick), undefined);
  assert.is(
    refuseEviction({ ...budget({}), status: few }, sick),
    "The disruption budget web needs 3 healthy pods and has 2 currently",
  );
  const always = budget({ unhealthyPodEvictionPolicy: "AlwaysAllow" });
  assert.is(refuseEviction({ ...always, status: few }, sick), undefined);
  assert.type(refuseEviction({ ...always, status: few }, pod("a")), "string");
  assert.ok(isOutsideBudgets({ ...pod("p"), status: { phase: "Pending" } }));
  assert.not(isOutsideBudgets(pod("p")));
});

test("evicting as many as allowed never leaves fewer healthy pods than wanted", () => {
  const share = fc.integer({ min: 0, max: 100 }).map((percent) => `${percent}%`);
  const amount = fc.oneof(fc.nat(10), share);
  fc.assert(
    fc.property(
      fc.array(fc.boolean(), { maxLength: 10 }),
      amount,
      fc.boolean(),
      (ready, value, isMin) => {
        const pods = ready.map((isReady, index) => pod(`p${index}`, isReady));
        const spec = isMin ? { minAvailable: value } : { maxUnavailable: value };
        const status = budgetStatus(budget(spec), pods, () => pods.length, 0);
        const { disruptionsAllowed = 0, currentHealthy = 0, desiredHealthy = 0 } = status;
        return disruptionsAllowed === 0 || currentHealthy - disruptionsAllowed >= desiredHealthy;
      },
    ),
  );
});

test.run();
