// Deployments over time, on a clock of the test: what counts as available, when a rollout has taken too long, what is
// kept of the past.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Deployment } from "../../../src/spec/kubernetes.gen.ts";
import { Cluster, conditionOf, templateOf } from "./cluster.ts";

const test = suite("DeploymentController");
let cluster: Cluster;

test.before.each(() => {
  cluster = new Cluster();
});

test.after.each(() => {
  cluster.stop();
});

function web(): Deployment {
  return cluster.get<Deployment>("Deployment");
}

function progress(): string | undefined {
  return conditionOf(web(), "Progressing");
}

test("minReadySeconds: a pod that is ready is available after so long, and only then is the next replaced", async () => {
  const rollingUpdate = { maxSurge: 0, maxUnavailable: 1 };
  await cluster.create("Deployment", {
    replicas: 2,
    minReadySeconds: 30,
    strategy: { rollingUpdate },
  });
  await cluster.ready();
  assert.is(web().status?.readyReplicas, 2);
  assert.is(web().status?.availableReplicas, 0);
  assert.is(conditionOf(web(), "Available"), "Available False MinimumReplicasUnavailable");
  await cluster.pass(29_000);
  assert.is(web().status?.availableReplicas, 0);
  await cluster.pass(1_000);
  assert.is(web().status?.availableReplicas, 2);
  assert.is(conditionOf(web(), "Available"), "Available True MinimumReplicasAvailable");
  await cluster.rollTo("2");
  assert.equal(cluster.images(), ["1", "2"]);
  await cluster.ready();
  await cluster.pass(29_000);
  assert.equal(cluster.images(), ["1", "2"]);
  await cluster.pass(1_000);
  assert.equal(cluster.images(), ["2", "2"]);
  assert.is(progress(), "Progressing True ReplicaSetUpdated");
  await cluster.ready();
  await cluster.pass(30_000);
  assert.is(progress(), "Progressing True NewReplicaSetAvailable");
});

test("minReadySeconds: a pod that stumbles begins anew", async () => {
  await cluster.create("Deployment", { replicas: 1, minReadySeconds: 30 });
  await cluster.ready();
  await cluster.pass(20_000);
  await cluster.ready(cluster.pods(), "False");
  await cluster.ready();
  await cluster.pass(29_000);
  assert.is(web().status?.availableReplicas, 0);
  await cluster.pass(1_000);
  assert.is(web().status?.availableReplicas, 1);
});

test("progressDeadlineSeconds: a rollout without progress for so long has failed, and may still succeed", async () => {
  await cluster.create("Deployment", { replicas: 3, progressDeadlineSeconds: 60 });
  assert.is(progress(), "Progressing True ReplicaSetUpdated");
  await cluster.pass(50_000);
  await cluster.ready(cluster.pods().slice(0, 1));
  assert.is(progress(), "Progressing True ReplicaSetUpdated");
  // Progress begins the time anew.
  await cluster.pass(59_000);
  assert.is(progress(), "Progressing True ReplicaSetUpdated");
  await cluster.pass(2_000);
  assert.is(progress(), "Progressing False ProgressDeadlineExceeded");
  await cluster.pass(600_000);
  assert.is(progress(), "Progressing False ProgressDeadlineExceeded");
  assert.is(cluster.pods().length, 3);
  await cluster.ready();
  assert.is(progress(), "Progressing True NewReplicaSetAvailable");
});

test("progressDeadlineSeconds: pods that cannot be made are no progress", async () => {
  cluster.isFull = true;
  await cluster.create("Deployment", { replicas: 1, progressDeadlineSeconds: 60 });
  assert.is(conditionOf(web(), "ReplicaFailure"), "ReplicaFailure True FailedCreate");
  await cluster.pass(61_000);
  assert.is(progress(), "Progressing False ProgressDeadlineExceeded");
  cluster.isFull = false;
  await cluster.pass(300_000);
  assert.is(conditionOf(web(), "ReplicaFailure"), undefined);
  await cluster.ready();
  assert.is(progress(), "Progressing True NewReplicaSetAvailable");
});

test("progressDeadlineSeconds: time does not count while a Deployment is paused, and begins anew after it", async () => {
  await cluster.create("Deployment", { replicas: 1, progressDeadlineSeconds: 60 });
  await cluster.ready();
  await cluster.rollTo("2");
  await cluster.pass(30_000);
  await cluster.change("Deployment", { paused: true });
  assert.is(progress(), "Progressing Unknown DeploymentPaused");
  await cluster.pass(600_000);
  assert.is(progress(), "Progressing Unknown DeploymentPaused");
  await cluster.change("Deployment", { paused: false });
  assert.is(progress(), "Progressing Unknown DeploymentResumed");
  await cluster.pass(59_000);
  assert.is(progress(), "Progressing Unknown DeploymentResumed");
  await cluster.pass(2_000);
  assert.is(progress(), "Progressing False ProgressDeadlineExceeded");
  await cluster.change("Deployment", { paused: true });
  assert.is(progress(), "Progressing False ProgressDeadlineExceeded");
});

test("progressDeadlineSeconds: the time goes on under the next daemon", async () => {
  await cluster.create("Deployment", { replicas: 1, progressDeadlineSeconds: 60 });
  await cluster.pass(40_000);
  cluster.start();
  await cluster.settled();
  await cluster.pass(22_000);
  assert.is(progress(), "Progressing False ProgressDeadlineExceeded");
});

test("a pod that dies after the rollout was done is no failed rollout", async () => {
  await cluster.create("Deployment", { replicas: 1, progressDeadlineSeconds: 60 });
  await cluster.ready();
  await cluster.ready(cluster.pods(), "False");
  await cluster.pass(600_000);
  assert.is(conditionOf(web(), "Available"), "Available False MinimumReplicasUnavailable");
  assert.is(progress(), "Progressing True NewReplicaSetAvailable");
});

async function rollThrough(...images: readonly string[]): Promise<void> {
  for (const image of images) {
    await cluster.pass(1_000);
    await cluster.rollTo(image);
    for (let round = 0; round < 5; round++) await cluster.ready();
  }
}

function imagesOfSets(): readonly string[] {
  return cluster
    .replicaSets()
    .map(({ spec }) => spec.template?.spec.containers[0]?.image ?? "")
    .sort();
}

test("revisionHistoryLimit: so many old ReplicaSets are kept, the newest of them", async () => {
  await cluster.create("Deployment", { replicas: 2, revisionHistoryLimit: 2 });
  await cluster.ready();
  await rollThrough("2", "3", "4", "5");
  assert.equal(imagesOfSets(), ["3", "4", "5"]);
  // Back to a revision that is kept: it is the newest then, and has the next number.
  await rollThrough("3");
  assert.equal(imagesOfSets(), ["3", "4", "5"]);
  const { annotations } = web().metadata;
  assert.is(annotations?.["deployment.kubernetes.io/revision"], "6");
  await cluster.change("Deployment", { revisionHistoryLimit: 0 });
  assert.equal(imagesOfSets(), ["3"]);
});

test("Recreate: the old pods are gone before the first new one is made", async () => {
  await cluster.create("Deployment", { replicas: 2, strategy: { type: "Recreate" } });
  await cluster.ready();
  const held = cluster.pods()[0];
  // A node has not stopped it yet.
  cluster.store.mutate("Pod", "default", held?.metadata.name ?? "", (pod) => ({
    ...pod,
    metadata: { ...pod.metadata, finalizers: ["example.com/held"] },
  }));
  await cluster.change("Deployment", { template: templateOf("2") });
  assert.equal(cluster.images(), ["1"]);
  cluster.store.delete("Pod", "default", held?.metadata.name ?? "");
  await cluster.settled();
  assert.equal(cluster.images(), ["2", "2"]);
});

test.run();
