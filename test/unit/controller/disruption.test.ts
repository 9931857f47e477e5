// The status of a budget follows its pods and the size of who owns them.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { newObject } from "../../../src/apiserver/create-object.ts";
import type { PodDisruptionBudget } from "../../../src/spec/kubernetes.gen.ts";
import { Cluster } from "./cluster.ts";

const test = suite("DisruptionController");
let cluster: Cluster;

test.before.each(() => {
  cluster = new Cluster();
});

test.after.each(() => {
  cluster.stop();
});

async function protect(spec: object): Promise<void> {
  const wish = {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: { name: "careful", namespace: "default", uid: "" },
    spec: { selector: { matchLabels: { app: "web" } }, ...spec },
  } as PodDisruptionBudget;
  const { store, clock } = cluster;
  store.create(newObject({ store, mountsTokens: false }, wish, clock.now()));
  await cluster.settled();
}

/** `1 of 2, 1 may go`: healthy, expected, allowed. */
function status(): string {
  const { status: now } =
    cluster.store.get<PodDisruptionBudget>("PodDisruptionBudget", "default", "careful") ?? {};
  return `${now?.currentHealthy} of ${now?.expectedPods}, ${now?.disruptionsAllowed} may go`;
}

test("counts pods as they become ready, cease to be and go", async () => {
  await protect({ minAvailable: 1 });
  assert.is(status(), "0 of 0, 0 may go");
  await cluster.create("Deployment", { replicas: 2 });
  assert.is(status(), "0 of 2, 0 may go");
  await cluster.ready();
  assert.is(status(), "2 of 2, 1 may go");
  await cluster.ready(cluster.pods().slice(0, 1), "False");
  assert.is(status(), "1 of 2, 0 may go");
});

test("shares are of the size that the owner asks for, also when it changes", async () => {
  await cluster.create("Deployment", { replicas: 4 });
  await cluster.ready();
  await protect({ maxUnavailable: "50%" });
  assert.is(status(), "4 of 4, 2 may go");
  await cluster.change("Deployment", { replicas: 8 });
  assert.is(status(), "4 of 8, 0 may go");
  await cluster.ready();
  assert.is(status(), "8 of 8, 4 may go");
});

test.run();
