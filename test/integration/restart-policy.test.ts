// Promise: containers are restarted as restartPolicy says, a failing one with growing pauses
// (CrashLoopBackOff), and the volumes of the pod stay as they are.
import * as assert from "uvu/assert";
import type { Pod, PodSpec } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import { shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("restart policy", "busybox");

/** A pod whose container counts its attempts in a volume: `$n` is 1 in the first. */
function counting(restartPolicy: "Always" | "OnFailure" | "Never", script: string): PodSpec {
  const count = "echo x >> /count/attempts; n=$(wc -l < /count/attempts); echo attempt $n";
  return {
    restartPolicy,
    volumes: [{ name: "count", emptyDir: {} }],
    containers: [
      shell("main", `${count}; ${script}`, {
        volumeMounts: [{ name: "count", mountPath: "/count" }],
      }),
    ],
  };
}

const seconds = (time: string | undefined): number => Date.parse(time ?? "") / 1000;

test("Always restarts a failing container at once, then after 10 s, and shows CrashLoopBackOff", async (pods) => {
  await pods.create("always", counting("Always", "exit $n"));
  const backingOff = (pod: Pod, restarts: number): boolean => {
    const { state, restartCount } = statusOf(pod, "main");
    return state?.waiting?.reason === "CrashLoopBackOff" && restartCount === restarts;
  };
  const first = await pods.until("always", "the first back-off", (pod) => backingOff(pod, 1));
  assert.is(first.status?.phase, "Running");
  const second = statusOf(first, "main");
  assert.match(
    second.state?.waiting?.message ?? "",
    /^back-off 10s restarting failed container=main pod=always_default\(.*\)$/,
  );
  assert.is(second.lastState?.terminated?.exitCode, 2);
  assert.is(second.lastState?.terminated?.reason, "Error");
  assert.is(second.ready, false);
  const later = await pods.until(
    "always",
    "the second back-off",
    (pod) => backingOff(pod, 2),
    30_000,
  );
  // Twenty seconds from here on: time enough for two commands.
  assert.match(
    await pods.instance.must(["get", "pods"]),
    /^always\s+0\/1\s+CrashLoopBackOff\s+2 \(\w+ ago\)/m,
  );
  assert.is(await pods.log("always"), "attempt 3\n");
  const third = statusOf(later, "main").lastState?.terminated;
  const pause = seconds(third?.startedAt) - seconds(second.lastState?.terminated?.finishedAt);
  // Times have a resolution of one second.
  assert.ok(pause >= 9, `it was started again after ${pause} s`);
  const events = await pods.events("always");
  const backOff = events.find(({ reason }) => reason === "BackOff");
  assert.is(backOff?.type, "Warning");
  assert.match(backOff?.message ?? "", /^Back-off restarting failed container main in pod always_/);
  assert.is(events.find(({ reason }) => reason === "Started")?.count, 3);
  await pods.delete("always");
}, 60_000);

test("Always restarts a container that succeeded, too", async (pods) => {
  await pods.create("again", counting("Always", "[ $n -gt 1 ] && sleep infinity; exit 0"));
  const pod = await pods.until(
    "again",
    "a restart",
    (each) => statusOf(each, "main").state?.running && statusOf(each, "main").restartCount === 1,
  );
  const { lastState, ready } = statusOf(pod, "main");
  assert.is(lastState?.terminated?.exitCode, 0);
  assert.is(lastState?.terminated?.reason, "Completed");
  assert.is(ready, true);
  await pods.delete("again");
});

test("OnFailure restarts until it succeeds; then the pod has Succeeded", async (pods) => {
  const pod = await pods.ended("retry", counting("OnFailure", "[ $n -gt 1 ]"));
  assert.is(pod.status?.phase, "Succeeded");
  const { restartCount, state, lastState } = statusOf(pod, "main");
  assert.is(restartCount, 1);
  assert.is(state?.terminated?.exitCode, 0);
  assert.is(state?.terminated?.reason, "Completed");
  assert.is(lastState?.terminated?.exitCode, 1);
  assert.is(await pods.log("retry"), "attempt 2\n");
});

test("OnFailure leaves a container that succeeded alone", async (pods) => {
  const pod = await pods.ended("once", counting("OnFailure", "exit 0"));
  assert.is(pod.status?.phase, "Succeeded");
  assert.is(statusOf(pod, "main").restartCount, 0);
});

test("Never restarts nothing, and the pod has Failed when its last container ended", async (pods) => {
  await pods.create("never", {
    containers: [shell("fails", "exit 5"), sleeper("stays")],
  });
  const half = await pods.until(
    "never",
    "the first container to end",
    (pod) => statusOf(pod, "fails").state?.terminated && !!statusOf(pod, "stays").state?.running,
  );
  assert.is(half.status?.phase, "Running");
  for (const pid of await pods.pids("never", "stays")) process.kill(pid, "SIGTERM");
  const pod = await pods.untilEnded("never");
  assert.is(pod.status?.phase, "Failed");
  assert.equal(
    ["fails", "stays"].map((name) => statusOf(pod, name).state?.terminated?.exitCode),
    [5, 0],
  );
  assert.is(statusOf(pod, "fails").restartCount, 0);
});

test("a container that a signal ended says so", async (pods) => {
  await pods.up("signal", { containers: [shell("main", "exec sleep 1000")] });
  for (const pid of await pods.pids("signal", "main")) process.kill(pid, "SIGKILL");
  const pod = await pods.untilEnded("signal");
  const end = statusOf(pod, "main").state?.terminated;
  assert.is(end?.exitCode, 137);
  assert.is(end?.reason, "Error");
  assert.ok(seconds(end?.finishedAt) >= seconds(end?.startedAt));
});

run();
