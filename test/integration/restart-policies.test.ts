// Promise: a container restarts as its own policy and its rules for exit codes say, whatever its pod's policy is.
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { shell, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("restart policies of containers", "busybox");

test("a policy and a rule of a container restart it in a pod that never restarts", async (pods) => {
  await pods.createManifest("restart-policies");
  const pod = await pods.untilEnded("restart-policies");
  assert.is(pod.status?.phase, "Succeeded");
  const restarts = ["retried", "ruled", "plain"].map((name) => statusOf(pod, name).restartCount);
  assert.equal(restarts, [1, 1, 0]);
  assert.is(statusOf(pod, "retried").lastState?.terminated?.exitCode, 1);
  assert.is(statusOf(pod, "ruled").lastState?.terminated?.exitCode, 42);
  const all = await pods.untilEnded("restart-all");
  assert.is(all.status?.phase, "Succeeded");
  assert.is(await pods.log("restart-all", "worker"), "2\n");
  assert.equal(
    ["prepare", "worker", "beside"].map((name) => statusOf(all, name).restartCount),
    [1, 1, 1],
  );
  assert.is(statusOf(all, "beside").lastState?.terminated?.signal, 9);
  assert.is(statusOf(all, "worker").lastState?.terminated?.exitCode, 88);
});

test("a container that never restarts ends its pod although that always restarts", async (pods) => {
  const pod = await pods.ended("own-never", {
    restartPolicy: "Always",
    containers: [
      shell("fails", "exit 3", { restartPolicy: "Never" }),
      shell("succeeds", "exit 0", { restartPolicy: "OnFailure" }),
    ],
  });
  assert.is(pod.status?.phase, "Failed");
  assert.equal(
    ["fails", "succeeds"].map((name) => statusOf(pod, name).restartCount),
    [0, 0],
  );
});

test("an init container that may not restart fails its pod", async (pods) => {
  const pod = await pods.ended("init-never", {
    restartPolicy: "Always",
    initContainers: [shell("init", "exit 9", { restartPolicy: "Never" })],
    containers: [shell("main", "exit 0")],
  });
  assert.is(pod.status?.phase, "Failed");
  assert.is(statusOf(pod, "init").state?.terminated?.exitCode, 9);
});

run();
