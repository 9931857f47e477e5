// Promise: of containers that all end with 137 in one moment exactly those are OOMKilled that took more memory than they
// may: not the ones that were killed or left with 137 by themselves, and each attempt for itself (security: C-08).
import * as assert from "uvu/assert";
import type { Pod } from "../../src/spec/pod.ts";
import { endHogs } from "../support/memory-hogs.ts";
import { podSuite } from "../support/pod-suite.ts";
import { shell, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "cgroup2:memory");

const { test, run } = podSuite("reasons of containers that run out of memory", "busybox");

test("exactly those that took too much are OOMKilled", async (pods) => {
  assert.equal(await endHogs(pods, "moment", 6), []);
}, 60_000);

test("one that is killed when it runs again after that is not", async (pods) => {
  const script = "[ -e /data/seen ] && exec sleep 100000; touch /data/seen; exec tail /dev/zero";
  const main = shell("main", script, {
    resources: { limits: { memory: "16Mi" } },
    volumeMounts: [{ name: "data", mountPath: "/data" }],
  });
  const volumes = [{ name: "data", emptyDir: {} }];
  await pods.create("again", { restartPolicy: "OnFailure", volumes, containers: [main] });
  const second = await pods.until("again", "the second attempt", (pod) => {
    const { restartCount, state } = statusOf(pod, "main");
    return restartCount === 1 && state?.running !== undefined;
  });
  assert.equal(lastEnd(second), ["OOMKilled", 137]);
  for (const pid of await pods.pids("again", "main")) process.kill(pid, "SIGKILL");
  const ended = await pods.until("again", "its end", (pod) => {
    const { restartCount, state } = statusOf(pod, "main");
    return restartCount === 1 && state?.waiting?.reason === "CrashLoopBackOff";
  });
  assert.equal(lastEnd(ended), ["Error", 137]);
  await pods.delete("again");
}, 60_000);

function lastEnd(pod: Pod): unknown {
  const { reason, exitCode } = statusOf(pod, "main").lastState?.terminated ?? {};
  return [reason, exitCode];
}

run();
