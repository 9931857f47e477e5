// StatefulSets over time, on a clock of the test: who waits for whom, and for how long.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type {
  ControllerRevision,
  StatefulSet,
  StatefulSetStatus,
} from "../../../src/spec/kubernetes.gen.ts";
import { Cluster } from "./cluster.ts";

const test = suite("StatefulSetController");
let cluster: Cluster;

test.before.each(() => {
  cluster = new Cluster();
});

test.after.each(() => {
  cluster.stop();
});

async function start(spec: object): Promise<void> {
  await cluster.create("StatefulSet", { serviceName: "web", ...spec });
}

function status(): Partial<StatefulSetStatus> {
  return cluster.get<StatefulSet>("StatefulSet").status ?? {};
}

/** `web-0:1`: names and images of the pods. */
function pods(): readonly string[] {
  return cluster
    .pods()
    .map(({ metadata, spec }) => `${metadata.name}:${spec.containers[0]?.image}`)
    .sort();
}

test("minReadySeconds: the next ordinal comes when the one before it has been ready for so long", async () => {
  await start({ replicas: 2, minReadySeconds: 20 });
  assert.equal(pods(), ["web-0:1"]);
  await cluster.ready();
  await cluster.pass(19_000);
  assert.equal(pods(), ["web-0:1"]);
  assert.is(status().readyReplicas, 1);
  assert.is(status().availableReplicas, 0);
  await cluster.pass(1_000);
  assert.equal(pods(), ["web-0:1", "web-1:1"]);
  assert.is(status().availableReplicas, 1);
  await cluster.ready();
  await cluster.pass(20_000);
  assert.is(status().availableReplicas, 2);
});

test("minReadySeconds: an update goes on to the next ordinal after so long, from the highest down", async () => {
  await start({ replicas: 2, minReadySeconds: 20, podManagementPolicy: "Parallel" });
  await cluster.ready();
  await cluster.pass(20_000);
  await cluster.rollTo("2", "StatefulSet");
  assert.equal(pods(), ["web-0:1", "web-1:2"]);
  await cluster.ready();
  await cluster.pass(19_000);
  assert.equal(pods(), ["web-0:1", "web-1:2"]);
  await cluster.pass(1_000);
  assert.equal(pods(), ["web-0:2", "web-1:2"]);
  assert.is.not(status().currentRevision, status().updateRevision);
  await cluster.ready();
  await cluster.pass(20_000);
  assert.is(status().currentRevision, status().updateRevision);
});

test("minReadySeconds: a set is made smaller when those that stay are available", async () => {
  await start({ replicas: 3, minReadySeconds: 20, podManagementPolicy: "OrderedReady" });
  for (let ordinal = 0; ordinal < 3; ordinal++) {
    await cluster.ready();
    await cluster.pass(20_000);
  }
  await cluster.ready(cluster.pods().slice(0, 1), "False");
  await cluster.change("StatefulSet", { replicas: 1 });
  assert.is(pods().length, 3);
  await cluster.ready();
  await cluster.pass(19_000);
  assert.is(pods().length, 3);
  await cluster.pass(1_000);
  assert.equal(pods(), ["web-0:1"]);
});

test("revisionHistoryLimit: so many old revisions are kept, the newest of them", async () => {
  await start({ replicas: 1, revisionHistoryLimit: 1 });
  await cluster.ready();
  for (const image of ["2", "3", "4"]) {
    await cluster.rollTo(image, "StatefulSet");
    await cluster.ready();
  }
  const revisions = cluster.store.list<ControllerRevision>("ControllerRevision").items;
  assert.equal(revisions.map(({ revision }) => revision).sort(), [3, 4]);
});

test.run();
