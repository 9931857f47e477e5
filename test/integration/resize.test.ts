// Promise: cpu and memory of a pod are changed while it runs, and what the node cannot give is told
// (test/manifests/resize.yaml). What the kernel makes of it: resize-limits.test.ts.
import * as assert from "uvu/assert";
import type { Node } from "../../src/spec/kubernetes.gen.ts";
import type { Pod, PodCondition, ResourceRequirements } from "../../src/spec/pod.ts";
import { daemonPid } from "../support/manifest.ts";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { amounts, conditionOf, resize, untilResized } from "../support/resize.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("resize", "busybox");

async function untilPending(pods: Pods, name: string, reason: string): Promise<PodCondition> {
  const pod = await pods.until(name, "the refusal", (each) => {
    return conditionOf(each, "PodResizePending")?.reason === reason;
  });
  return conditionOf(pod, "PodResizePending") ?? { type: "", status: "" };
}

async function processors(pods: Pods): Promise<number> {
  const { items } = await pods.client.json<{ readonly items: readonly Node[] }>(
    "GET",
    "/api/v1/nodes",
  );
  return Number(items[0]?.status?.allocatable?.["cpu"]);
}

test("a container goes on with more, another is started anew", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("resize")]);
  const before = await untilResized(pods, "resizable");
  await resize(pods, "resizable", {
    main: amounts("300m", "96Mi"),
    restarting: amounts("200m", "128Mi"),
  });
  const after = await untilResized(pods, "resizable");
  const ids = (pod: Pod): readonly (string | undefined)[] =>
    ["main", "restarting"].map((name) => statusOf(pod, name).containerID);
  assert.is(ids(after)[0], ids(before)[0]);
  assert.is.not(ids(after)[1], ids(before)[1]);
  assert.is(statusOf(after, "main").restartCount, 0);
  assert.is(statusOf(after, "restarting").restartCount, 1);
  assert.equal(statusOf(after, "main").resources?.limits, { cpu: "300m", memory: "96Mi" });
  const messages = (await pods.events("resizable")).map(({ message }) => message);
  for (const text of [
    "Pod resize started",
    "Container restarting resize requires restart",
    "Pod resize completed",
  ]) {
    assert.ok(messages.includes(text), `${text}: ${messages.join("; ")}`);
  }
});

test("what the node never has is infeasible, what others have is waited for", async (pods) => {
  const cpus = await processors(pods);
  const requesting = (cpu: string): ResourceRequirements => ({
    requests: { cpu, memory: "32Mi" },
    limits: { memory: "64Mi" },
  });
  await pods.up("other", {
    containers: [sleeper("main", { resources: requesting(`${1000 * cpus - 700}m`) })],
  });
  await pods.up("growing", { containers: [sleeper("main", { resources: requesting("100m") })] });
  await resize(pods, "growing", { main: requesting(String(cpus + 1)) });
  const infeasible = await untilPending(pods, "growing", "Infeasible");
  assert.is(
    infeasible.message,
    `Node didn't have enough capacity: cpu, requested: ${1000 * (cpus + 1)}, capacity: ${1000 * cpus}`,
  );
  assert.is(statusOf(await pods.get("growing"), "main").allocatedResources?.["cpu"], "100m");
  await resize(pods, "growing", { main: requesting("600m") });
  const deferred = await untilPending(pods, "growing", "Deferred");
  assert.match(deferred.message ?? "", /^Node didn't have enough resource: cpu, requested: 600, /);
  process.kill(await daemonPid(pods.instance), "SIGKILL");
  await pods.instance.must(["get", "pods"]);
  assert.is(
    conditionOf(await pods.get("growing"), "PodResizePending")?.reason,
    "Deferred",
    "it waits in the next daemon, too",
  );
  await pods.delete("other");
  const { spec } = await untilResized(pods, "growing");
  assert.is(spec.containers[0]?.resources?.requests?.["cpu"], "600m");
  await pods.delete("growing");
});

test("the class of a pod stays what it is", async (pods) => {
  const guaranteed = {
    requests: { cpu: "200m", memory: "48Mi" },
    limits: { cpu: "200m", memory: "48Mi" },
  };
  await pods.createFrom(
    podOf("fixed", { containers: [sleeper("main", { resources: guaranteed })] }),
  );
  try {
    await resize(pods, "fixed", { main: { requests: { cpu: "100m" } } });
    assert.unreachable("it was taken");
  } catch (error) {
    assert.match(String(error), "Pod QOS Class may not change as a result of resizing");
  }
  await pods.delete("fixed", "resizable");
});

run();
