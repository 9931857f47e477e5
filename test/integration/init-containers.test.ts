// Promise: init containers run one after the other before the containers, each to its success.
import * as assert from "uvu/assert";
import type { Container } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("init containers", "busybox");

const volumes = [{ name: "shared", emptyDir: {} }];

/** A container with the volume of the pod at /shared. */
function sharing(name: string, script: string): Container {
  return shell(name, script, { volumeMounts: [{ name: "shared", mountPath: "/shared" }] });
}

async function statusWord(pods: Pods, name: string): Promise<string | undefined> {
  const table = await pods.instance.must(["get", "pods", name, "--no-headers"]);
  return table.split(/\s+/)[2];
}

test("run in their order, each after the end of the one before", async (pods) => {
  // Each waits a moment before it writes: if two ran at once, the words would be in another order.
  const step = (name: string, delay: number): Container =>
    sharing(name, `sleep ${delay}; echo ${name} >> /shared/order`);
  const pod = await pods.ended("ordered", {
    volumes,
    initContainers: [step("first", 0.4), step("second", 0.2), step("third", 0)],
    containers: [sharing("main", "cat /shared/order")],
  });
  assert.is(pod.status?.phase, "Succeeded");
  assert.is(await pods.log("ordered", "main"), "first\nsecond\nthird\n");
  const ends = ["first", "second", "third"].map((name) => statusOf(pod, name));
  for (const { state, ready, restartCount } of ends) {
    assert.is(state?.terminated?.reason, "Completed");
    assert.is(ready, true);
    assert.is(restartCount, 0);
  }
});

test("hold the containers in PodInitializing while they run", async (pods) => {
  await pods.create("held", {
    volumes,
    initContainers: [
      shell("done", "exit 0"),
      sharing("gate", "until [ -e /shared/open ]; do sleep 0.1; done"),
    ],
    containers: [sleeper("main")],
  });
  const held = await pods.until(
    "held",
    "the gate",
    (pod) => !!statusOf(pod, "gate").state?.running,
  );
  assert.is(held.status?.phase, "Pending");
  assert.equal(statusOf(held, "main").state, { waiting: { reason: "PodInitializing" } });
  const initialized = held.status?.conditions?.find(({ type }) => type === "Initialized");
  assert.is(initialized?.status, "False");
  assert.is(initialized?.message, "containers with incomplete status: [gate]");
  assert.is(await statusWord(pods, "held"), "Init:1/2");
  await pods.ask("held", "touch /shared/open", "gate");
  const up = await pods.until("held", "main", (pod) => !!statusOf(pod, "main").state?.running);
  assert.is(up.status?.phase, "Running");
  assert.is(await statusWord(pods, "held"), "Running");
  await pods.delete("held");
});

test("that fail end the pod when it never restarts", async (pods) => {
  const pod = await pods.ended("failing", {
    initContainers: [shell("fails", "echo no; exit 4"), shell("later", "exit 0")],
    containers: [sleeper("main")],
  });
  assert.is(pod.status?.phase, "Failed");
  assert.is(statusOf(pod, "fails").state?.terminated?.exitCode, 4);
  assert.equal(statusOf(pod, "later").state, { waiting: { reason: "PodInitializing" } });
  assert.equal(statusOf(pod, "main").state, { waiting: { reason: "PodInitializing" } });
  assert.is(await statusWord(pods, "failing"), "Init:Error");
  assert.is(await pods.log("failing", "fails"), "no\n");
});

test("that fail are tried again under OnFailure until they succeed", async (pods) => {
  const pod = await pods.ended("retried", {
    restartPolicy: "OnFailure",
    volumes,
    initContainers: [
      sharing("flaky", "echo x >> /shared/tries; [ $(wc -l < /shared/tries) -gt 1 ]"),
    ],
    containers: [sharing("main", "wc -l < /shared/tries")],
  });
  assert.is(pod.status?.phase, "Succeeded");
  assert.is(statusOf(pod, "flaky").restartCount, 1);
  assert.is(statusOf(pod, "flaky").lastState?.terminated?.exitCode, 1);
  assert.is(await pods.log("retried", "main"), "2\n");
});

test("that keep failing show Init:CrashLoopBackOff, a missing image Init:ErrImagePull", async (pods) => {
  const looping = { restartPolicy: "Always", containers: [sleeper("main")] } as const;
  await pods.create("looping", { ...looping, initContainers: [shell("bad", "exit 1")] });
  await pods.create("imageless", {
    ...looping,
    initContainers: [{ name: "bad", image: "no-such-image" }],
  });
  const waits = (name: string, reason: string) =>
    pods.until(name, reason, (pod) => statusOf(pod, "bad").state?.waiting?.reason === reason);
  // Between two back-offs it runs for a moment: Init:0/1, Init:Error.
  await eventually("Init:CrashLoopBackOff", 20_000, async () =>
    (await statusWord(pods, "looping")) === "Init:CrashLoopBackOff" ? true : undefined,
  );
  await waits("imageless", "ErrImagePull");
  assert.match(
    (await statusWord(pods, "imageless")) ?? "",
    /^Init:(ErrImagePull|ImagePullBackOff)$/,
  );
  await pods.delete("looping", "imageless");
});

run();
