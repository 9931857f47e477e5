// Promise: cpu and memory of a pod are changed while it runs, and what the node cannot give is told
// (test/manifests/resize.yaml).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Node } from "../../src/spec/kubernetes.gen.ts";
import type { Pod, PodCondition, ResourceRequirements } from "../../src/spec/pod.ts";
import { daemonPid } from "../support/manifest.ts";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, shell, sleeper, statusOf } from "../support/pods.ts";
import { cgroup2MountPoint, requires, requiresFor } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("resize", "busybox");

async function resize(
  pods: Pods,
  name: string,
  resources: Readonly<Record<string, ResourceRequirements>>,
): Promise<void> {
  const containers = Object.entries(resources).map(([container, wanted]) => ({
    name: container,
    resources: wanted,
  }));
  await pods.client.json("PATCH", `/api/v1/namespaces/default/pods/${name}/resize`, {
    body: { spec: { containers } },
    contentType: "application/strategic-merge-patch+json",
  });
}

const conditionOf = ({ status }: Pod, type: string): PodCondition | undefined =>
  status?.conditions?.find((condition) => condition.type === type);

/** Until the status speaks of the resources of the spec and no resize is under way. */
async function untilResized(pods: Pods, name: string): Promise<Pod> {
  return await pods.until(name, "the resize", (pod) => {
    const { metadata, spec, status } = pod;
    const isDone = spec.containers.every(({ name: container, resources }) => {
      const { resources: actual, state } = statusOf(pod, container);
      return JSON.stringify(actual) === JSON.stringify(resources) && state?.running !== undefined;
    });
    const isQuiet =
      !conditionOf(pod, "PodResizePending") && !conditionOf(pod, "PodResizeInProgress");
    return isDone && isQuiet && status?.observedGeneration === metadata.generation;
  });
}

async function untilPending(pods: Pods, name: string, reason: string): Promise<PodCondition> {
  const pod = await pods.until(name, "the refusal", (each) => {
    return conditionOf(each, "PodResizePending")?.reason === reason;
  });
  return conditionOf(pod, "PodResizePending") ?? { type: "", status: "" };
}

async function cgroupFile(pods: Pods, name: string, path: string): Promise<string> {
  const { metadata } = await pods.get(name);
  const folder = join(cgroup2MountPoint() ?? "", pods.instance.cgroup, `pod${metadata.uid}`);
  return readFileSync(join(folder, path), "utf8").trim();
}

async function processors(pods: Pods): Promise<number> {
  const { items } = await pods.client.json<{ readonly items: readonly Node[] }>(
    "GET",
    "/api/v1/nodes",
  );
  return Number(items[0]?.status?.allocatable?.["cpu"]);
}

const amounts = (cpu: string, memory: string): ResourceRequirements => ({
  requests: { cpu: "100m", memory: "32Mi" },
  limits: { cpu, memory },
});

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

/** A test of limits, where the kernel can set them. */
function limited(name: string, body: (pods: Pods) => Promise<void>): void {
  const register = (what: string): void => test(what, body);
  register.skip = (): void => undefined;
  requiresFor(register, "cgroup2:memory", "cgroup2:cpu")(name, () => undefined);
}

limited("the kernel has the new limits", async (pods) => {
  assert.is(await cgroupFile(pods, "resizable", "main/memory.max"), String(96 * 2 ** 20));
  assert.is(await cgroupFile(pods, "resizable", "main/cpu.max"), "30000 100000");
  assert.is(await cgroupFile(pods, "resizable", "restarting/memory.max"), String(128 * 2 ** 20));
  assert.is(await cgroupFile(pods, "resizable", "memory.max"), String(224 * 2 ** 20));
  await resize(pods, "resizable", { main: amounts("200m", "48Mi") });
  await untilResized(pods, "resizable");
  assert.is(await cgroupFile(pods, "resizable", "main/memory.max"), String(48 * 2 ** 20));
  assert.is(await cgroupFile(pods, "resizable", "memory.max"), String(176 * 2 ** 20));
});

limited("memory that is in use is not taken away", async (pods) => {
  const script = "head -c 48m /dev/zero >/dev/shm/file; trap 'exit 0' TERM; sleep infinity & wait";
  const hog = shell("main", script, { resources: amounts("200m", "128Mi") });
  await pods.up("full", { containers: [hog] });
  await pods.until("full", "its memory", () => true);
  await pods.exec("full", "until [ $(wc -c </dev/shm/file) = 50331648 ]; do sleep 0.1; done");
  await resize(pods, "full", { main: amounts("200m", "36Mi") });
  const refused = await pods.until("full", "the error", (pod) => {
    return conditionOf(pod, "PodResizeInProgress")?.reason === "Error";
  });
  assert.match(
    conditionOf(refused, "PodResizeInProgress")?.message ?? "",
    /^attempting to set container "main" memory limit \(37748736\) below current usage \(\d+\)$/,
  );
  assert.is(statusOf(refused, "main").resources?.limits?.["memory"], "128Mi");
  await pods.exec("full", "rm /dev/shm/file");
  await untilResized(pods, "full");
  await pods.delete("full");
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
