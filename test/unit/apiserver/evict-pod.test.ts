// Evictions at the door: bodies, budgets and the words of refusals.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { PodDisruptionBudget } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { type Answer, Fixture, storedPod } from "./fixture.ts";

const test = suite("evictPod");
let fixture: Fixture;

test.before.each(async () => {
  fixture = await new Fixture().start();
});

test.after.each(async () => {
  await fixture.stop();
});

function running(name: string, isReady = true): void {
  const status = isReady ? "True" : "False";
  fixture.store.create<Pod>({
    ...storedPod(name, { labels: { app: "web" } }),
    status: { phase: "Running", conditions: [{ type: "Ready", status }] },
  });
}

function budget(name: string, minAvailable: number): void {
  fixture.store.create<PodDisruptionBudget>({
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name, namespace: "default", uid: name },
    spec: { minAvailable, selector: { matchLabels: { app: "web" } } },
  });
}

async function evict(name: string, more: object = {}, query = ""): Promise<Answer> {
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name }, ...more };
  const path = `/api/v1/namespaces/default/pods/${name}/eviction${query}`;
  return await fixture.call("POST", path, { body });
}

function podNow(name: string): Pod | undefined {
  return fixture.store.get<Pod>("Pod", "default", name);
}

test("deletes the pod and says why in its conditions", async () => {
  running("a");
  const answer = await evict("a", { deleteOptions: { gracePeriodSeconds: 3 } });
  assert.is(answer.code, 201);
  assert.is(answer.json.status, "Success");
  assert.is(podNow("a")?.metadata.deletionGracePeriodSeconds, 3);
  const condition = podNow("a")?.status?.conditions?.find(
    ({ type }) => type === "DisruptionTarget",
  );
  assert.is(condition?.reason, "EvictionByEvictionAPI");
});

test("a budget that has nothing left refuses with 429 and its numbers", async () => {
  running("a");
  running("b");
  budget("web", 2);
  const { code, json } = await evict("a");
  assert.is(code, 429);
  assert.is(json.reason, "TooManyRequests");
  assert.is(json.message, "Cannot evict pod as it would violate the pod's disruption budget.");
  assert.equal(json.details.causes, [
    {
      reason: "DisruptionBudget",
      message: "The disruption budget web needs 2 healthy pods and has 2 currently",
    },
  ]);
  assert.is(podNow("a")?.metadata.deletionTimestamp, undefined);
});

test("the next eviction sees the one before it", async () => {
  for (const name of ["a", "b", "c"]) running(name);
  budget("web", 2);
  assert.is((await evict("a", {}, "?dryRun=All")).code, 201);
  assert.is(podNow("a")?.metadata.deletionTimestamp, undefined);
  assert.is((await evict("a")).code, 201);
  assert.is((await evict("b")).code, 429);
  // What is on its way out may be asked again.
  assert.is((await evict("a")).code, 201);
});

test("two budgets for one pod are no answer; what is no eviction of it is refused", async () => {
  running("a");
  budget("one", 0);
  budget("two", 0);
  const { code, json } = await evict("a");
  assert.is(code, 500);
  assert.match(json.message, /more than one PodDisruptionBudget/);
  assert.is((await evict("a", { kind: "Pod" })).code, 400);
  assert.is((await evict("a", { metadata: { name: "b" } })).code, 400);
  assert.is((await evict("a", { extra: 1 })).code, 400);
  assert.is((await evict("gone")).code, 404);
  const uid = { deleteOptions: { preconditions: { uid: "other" } } };
  assert.is((await evict("a", uid)).code, 409);
});

test.run();
