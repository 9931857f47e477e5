// Promise: activeDeadlineSeconds ends a pod as Failed, with its grace period, and says so.
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("deadline of a pod", "busybox");

const message = "Pod was active on the node longer than the specified deadline";

test("activeDeadlineSeconds fails the pod and stops its containers", async (pods) => {
  await pods.createManifest("deadline");
  const pod = await pods.untilEnded("deadline");
  assert.is(pod.status?.phase, "Failed");
  assert.is(pod.status?.reason, "DeadlineExceeded");
  assert.is(pod.status?.message, message);
  const { state, restartCount } = statusOf(pod, "main");
  assert.is(state?.terminated?.exitCode, 0, "it had time to end");
  assert.is(restartCount, 0);
  assert.is(await pods.log("deadline"), "ended\n");
  const began = Date.parse(pod.status?.startTime ?? "");
  const ended = Date.parse(state?.terminated?.finishedAt ?? "");
  assert.ok(ended - began >= 1000, `it ran for ${ended - began} ms`);
  const event = (await pods.events("deadline")).find(({ reason }) => reason === "DeadlineExceeded");
  assert.is(event?.message, message);
});

test("a pod that cannot start is failed by it, too", async (pods) => {
  const pod = await pods.ended("imageless", {
    activeDeadlineSeconds: 1,
    containers: [{ name: "main", image: "no-such-image" }],
  });
  assert.is(pod.status?.reason, "DeadlineExceeded");
  assert.is(statusOf(pod, "main").state?.waiting?.reason, "ErrImagePull");
});

run();
