// Deployments with pods that run: rolled out, undone, healed, scaled, with a daemon that is killed in the middle.
import * as assert from "uvu/assert";
import { listObjects, watchObjects } from "../../src/cli/objects.ts";
import type { Deployment, ReplicaSet } from "../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import {
  createWorkload,
  isRolledOut,
  podsOf,
  resource,
  untilObject,
} from "../support/workloads.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("deployments", "busybox");

async function rolledOut(pods: Pods): Promise<Deployment> {
  return await untilObject<Deployment>(pods, "Deployment", "web", isRolledOut);
}

function colourOf({ spec }: Pod): string | undefined {
  return spec.containers[0]?.env?.find(({ name }) => name === "COLOUR")?.value;
}

async function paint(pods: Pods, colour: string): Promise<void> {
  const container = { name: "main", image: "busybox", env: [{ name: "COLOUR", value: colour }] };
  const patch = {
    spec: {
      template: {
        spec: {
          containers: [
            {
              ...container,
              imagePullPolicy: "IfNotPresent",
              command: ["sh", "-c", "trap 'exit 0' TERM; sleep infinity & wait"],
            },
          ],
        },
      },
    },
  };
  await pods.patch("Deployment", "web", patch);
}

test("makes its pods, and says so", async (pods) => {
  await createWorkload(pods, "Deployment");
  const web = await rolledOut(pods);
  assert.is((await podsOf(pods, "web")).length, 5);
  const reasons = web.status?.conditions?.map(({ type, status, reason }) => [type, status, reason]);
  assert.equal(reasons?.sort(), [
    ["Available", "True", "MinimumReplicasAvailable"],
    ["Progressing", "True", "NewReplicaSetAvailable"],
  ]);
  assert.match(await pods.instance.must(["get", "deploy", "web"]), /web +5\/5 +5 +5 /);
});

test("rolls to a new template: never fewer than four available, never more than seven", async (pods) => {
  const stop = new AbortController();
  const sets = resource("ReplicaSet");
  const { metadata } = await listObjects(pods.client, { resource: sets, namespace: "default" });
  const changes = watchObjects<ReplicaSet>(
    pods.client,
    { resource: sets, namespace: "default" },
    { from: metadata.resourceVersion ?? "", signal: stop.signal },
  );
  const sizes = new Map<string, number>();
  for (const {
    metadata: { name },
    spec,
  } of (await listObjects<ReplicaSet>(pods.client, { resource: sets, namespace: "default" }))
    .items) {
    sizes.set(name, spec.replicas ?? 0);
  }
  const most: number[] = [];
  const following = (async () => {
    for await (const { object } of changes) {
      sizes.set(object.metadata.name, object.spec.replicas ?? 0);
      most.push([...sizes.values()].reduce((sum, size) => sum + size, 0));
    }
  })();
  await paint(pods, "green");
  assert.match(
    await pods.instance.must(["rollout", "status", "deploy/web", "--timeout=30s"]),
    /deployment "web" successfully rolled out/,
  );
  stop.abort();
  await following;
  assert.ok(Math.max(...most) <= 7, `at most 7 pods: ${most}`);
  assert.ok(Math.min(...most) >= 4, `at least 4 pods: ${most}`);
  await rolledOut(pods);
  assert.equal((await podsOf(pods, "web")).map(colourOf), Array(5).fill("green"));
});

test("goes back to the template before", async (pods) => {
  const { instance } = pods;
  assert.match(await instance.must(["rollout", "history", "deploy/web"]), /1 .*first\n2 /);
  assert.match(await instance.must(["rollout", "undo", "deploy/web"]), /rolled back/);
  await rolledOut(pods);
  assert.equal((await podsOf(pods, "web")).map(colourOf), Array(5).fill("blue"));
  assert.match(await instance.must(["rollout", "history", "deploy/web"]), /2 .*\n3 /);
});

test("replaces pods that are deleted", async (pods) => {
  const before = await podsOf(pods, "web");
  for (const { metadata } of before.slice(0, 3)) await pods.deleteObject("Pod", metadata.name);
  await rolledOut(pods);
  const after = (await podsOf(pods, "web")).map(({ metadata }) => metadata.uid);
  assert.is(after.length, 5);
  assert.is(before.filter(({ metadata }) => after.includes(metadata.uid)).length, 2);
});

test("scales", async (pods) => {
  assert.match(await pods.instance.must(["scale", "deploy/web", "--replicas=2"]), /scaled/);
  await rolledOut(pods);
  assert.is((await podsOf(pods, "web")).length, 2);
});

test("waits while it is paused, and restarts its pods", async (pods) => {
  const { instance } = pods;
  await instance.must(["rollout", "pause", "deploy/web"]);
  await paint(pods, "red");
  const paused = await untilObject<Deployment>(
    pods,
    "Deployment",
    "web",
    ({ metadata, status }) => status?.observedGeneration === metadata.generation,
  );
  assert.is(paused.status?.updatedReplicas, 0);
  await instance.must(["rollout", "resume", "deploy/web"]);
  await rolledOut(pods);
  assert.equal((await podsOf(pods, "web")).map(colourOf), ["red", "red"]);
  const before = (await podsOf(pods, "web")).map(({ metadata }) => metadata.uid);
  await instance.must(["rollout", "restart", "deploy/web"]);
  await rolledOut(pods);
  assert.not((await podsOf(pods, "web")).some(({ metadata }) => before.includes(metadata.uid)));
});

test("a daemon that is killed in the middle of a rollout goes on with it", async (pods) => {
  await pods.instance.must(["scale", "deploy/web", "--replicas=5"]);
  await rolledOut(pods);
  await paint(pods, "white");
  const { pid } = await pods.client.json<{ readonly pid: number }>("GET", "/nspod/v1/system/info");
  process.kill(pid, "SIGKILL");
  await pods.instance.must(["get", "deploy"]);
  await rolledOut(pods);
  assert.equal((await podsOf(pods, "web")).map(colourOf), Array(5).fill("white"));
});

test("takes its ReplicaSets and pods along", async (pods) => {
  await pods.instance.must(["delete", "deploy", "web", "--cascade=foreground"]);
  assert.equal(await podsOf(pods, "web"), []);
});

run();
