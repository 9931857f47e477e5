// Steps of a Deployment in a world that moves at random: what is promised about numbers holds at every step.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { maxSurgeOf, maxUnavailableOf } from "../../../src/controller/deployment-limits.ts";
import { type DeploymentState, planDeployment } from "../../../src/controller/plan-deployment.ts";
import type { Deployment, ReplicaSet } from "../../../src/spec/kubernetes.gen.ts";

type Share = number | string;

interface Wish {
  readonly replicas: number;
  readonly maxSurge?: Share;
  readonly maxUnavailable?: Share;
  readonly paused?: boolean;
  readonly type?: "Recreate" | "RollingUpdate";
}

function deployment({ replicas, maxSurge, maxUnavailable, paused, type }: Wish): Deployment {
  const rollingUpdate = {
    ...(maxSurge !== undefined && { maxSurge }),
    ...(maxUnavailable !== undefined && { maxUnavailable }),
  };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default", uid: "uid" },
    spec: {
      replicas,
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { name: "", namespace: "", uid: "" }, spec: { containers: [] } },
      strategy: type === "Recreate" ? { type } : { type: "RollingUpdate", rollingUpdate },
      ...(paused !== undefined && { paused }),
    },
  };
}

interface Fact {
  readonly size: number;
  readonly available?: number;
  /** Size of the Deployment when the set got its size. */
  readonly desired?: number;
  readonly max?: number;
}

function replicaSet(age: number, { size, available = 0, desired, max }: Fact): ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `web-${age}`,
      namespace: "default",
      uid: `uid-${age}`,
      creationTimestamp: new Date(age * 1000).toISOString(),
      annotations: {
        ...(desired !== undefined && {
          "deployment.kubernetes.io/desired-replicas": String(desired),
        }),
        ...(max !== undefined && { "deployment.kubernetes.io/max-replicas": String(max) }),
      },
    },
    spec: { replicas: size, selector: {} },
    status: { replicas: size, availableReplicas: available },
  };
}

/** Sizes of a step by age of the set; "new" for one that is to be made. */
function sizes(state: Omit<DeploymentState, "oldPods">): Readonly<Record<string, number>> {
  const step = planDeployment({ ...state, oldPods: [] });
  if (step.kind === "create") return { new: step.replicas };
  if (step.kind === "none") return {};
  return Object.fromEntries(
    step.sizes.map(({ set, replicas }) => [set.metadata.name.replace("web-", ""), replicas]),
  );
}

const steps = suite("planDeployment()");

steps(
  "begins a rollout with as many new pods as the surge allows: percentages are rounded up",
  () => {
    const state = { deployment: deployment({ replicas: 5 }), newest: undefined };
    assert.equal(sizes({ ...state, old: [] }), { new: 5 });
    assert.equal(sizes({ ...state, old: [replicaSet(1, { size: 5, available: 5 })] }), { new: 2 });
  },
);

steps("takes old pods away as far as enough are available: percentages are rounded down", () => {
  const wish = deployment({ replicas: 5 });
  const old = [replicaSet(1, { size: 5, available: 5 })];
  assert.equal(sizes({ deployment: wish, newest: replicaSet(2, { size: 2 }), old }), { 1: 4 });
  const newest = replicaSet(2, { size: 2, available: 2 });
  assert.equal(sizes({ deployment: wish, newest, old }), { 1: 2 });
});

steps("takes what does not work first", () => {
  const state = {
    deployment: deployment({ replicas: 4, maxSurge: 1, maxUnavailable: 1 }),
    newest: replicaSet(3, { size: 1, available: 1 }),
  };
  const old = [replicaSet(1, { size: 2, available: 2 }), replicaSet(2, { size: 2, available: 0 })];
  assert.equal(sizes({ ...state, old }), { 2: 0 });
});

steps("Recreate: makes the new set when no pod of the old one is left", () => {
  const wish = deployment({ replicas: 3, type: "Recreate" });
  const old = [replicaSet(1, { size: 3, available: 3 })];
  assert.equal(sizes({ deployment: wish, newest: undefined, old }), { 1: 0 });
  const empty = { deployment: wish, newest: undefined, old: [replicaSet(1, { size: 0 })] };
  const pod = {
    apiVersion: "v1" as const,
    kind: "Pod" as const,
    metadata: { name: "p", namespace: "default", uid: "p" },
    spec: { containers: [] },
    status: { phase: "Running" as const },
  };
  assert.is(planDeployment({ ...empty, oldPods: [pod] }).kind, "none");
  assert.equal(sizes(empty), { new: 3 });
});

steps("a new size in the middle of a rollout is shared in proportion", () => {
  const wish = deployment({ replicas: 20, maxSurge: 5, maxUnavailable: 0 });
  const before = { desired: 10, max: 15 };
  const newest = replicaSet(2, { size: 5, available: 0, ...before });
  const old = [replicaSet(1, { size: 10, available: 10, ...before })];
  assert.equal(sizes({ deployment: wish, newest, old }), { 1: 17, 2: 8 });
});

steps("paused: nothing new is rolled out, a new size is", () => {
  const old = [replicaSet(1, { size: 3, available: 3, desired: 3, max: 4 })];
  const paused = (replicas: number): Deployment => deployment({ replicas, paused: true });
  assert.equal(sizes({ deployment: paused(3), newest: undefined, old }), {});
  assert.equal(sizes({ deployment: paused(5), newest: undefined, old }), { 1: 5 });
});

const share = fc.oneof(
  fc.nat({ max: 6 }),
  fc.nat({ max: 100 }).map((percent) => `${percent}%`),
);

steps("never has more pods than the surge allows, nor fewer available than must be", () => {
  const chances = fc.array(fc.nat({ max: 99 }), { minLength: 30, maxLength: 120 });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      share,
      share,
      chances,
      (replicas, up, down, dice) => {
        const wish = deployment({ replicas, maxSurge: up, maxUnavailable: down });
        const most = replicas + maxSurgeOf(wish);
        const least = replicas - maxUnavailableOf(wish);
        // The newest is the last; each has a size and so many that are available.
        const world = [{ size: replicas, available: replicas }];
        let hasNewest = false;
        for (const die of dice) {
          if (die < 4) hasNewest = false;
          else if (die < 50) {
            const ready = world[die % world.length];
            if (ready !== undefined) ready.available = Math.min(ready.size, ready.available + 1);
            continue;
          }
          const sets = world.map((fact, age) => replicaSet(age, fact));
          const newest = hasNewest ? sets.at(-1) : undefined;
          const old = hasNewest ? sets.slice(0, -1) : sets;
          const step = planDeployment({ deployment: wish, newest, old, oldPods: [] });
          if (step.kind === "create") {
            world.push({ size: step.replicas, available: 0 });
            hasNewest = true;
          }
          if (step.kind === "resize") {
            for (const { set, replicas: size } of step.sizes) {
              const fact = world[sets.indexOf(set)];
              if (fact === undefined) continue;
              fact.size = size;
              // A ReplicaSet takes those that are not available first.
              fact.available = Math.min(fact.available, size);
            }
          }
          const total = world.reduce((sum, { size }) => sum + size, 0);
          const available = world.reduce((sum, fact) => sum + fact.available, 0);
          assert.ok(total <= most, `${total} pods, ${most} allowed`);
          assert.ok(available >= least, `${available} available, ${least} needed`);
        }
      },
    ),
    { numRuns: 300 },
  );
});

steps("comes to its end: one set of the wanted size", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 12 }), share, share, (replicas, up, down) => {
      const wish = deployment({ replicas, maxSurge: up, maxUnavailable: down });
      const world = [{ size: replicas, available: replicas }];
      for (let round = 0; round < 100; round++) {
        const sets = world.map((fact, age) => replicaSet(age, fact));
        const newest = sets.length > 1 ? sets.at(-1) : undefined;
        const old = newest === undefined ? sets : sets.slice(0, -1);
        const step = planDeployment({ deployment: wish, newest, old, oldPods: [] });
        if (step.kind === "create") world.push({ size: step.replicas, available: step.replicas });
        if (step.kind === "resize") {
          for (const { set, replicas: size } of step.sizes) {
            const fact = world[sets.indexOf(set)];
            if (fact !== undefined) Object.assign(fact, { size, available: size });
          }
        }
      }
      assert.equal(
        world.map(({ size }) => size),
        [0, replicas],
      );
    }),
    { numRuns: 100 },
  );
});

steps.run();
