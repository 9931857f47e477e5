// Promise: what a resize grants is what the kernel enforces, and memory that is in use is not taken away
// (test/manifests/resize.yaml).
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, statusOf } from "../support/pods.ts";
import { cgroup2MountPoint, requires } from "../support/requires.ts";
import { amounts, conditionOf, resize, untilResized } from "../support/resize.ts";

requires("root", "cgroup2:memory", "cgroup2:cpu");

const { test, run } = podSuite("limits of a resize", "busybox");

async function cgroupFile(pods: Pods, name: string, path: string): Promise<string> {
  const { metadata } = await pods.get(name);
  const folder = join(cgroup2MountPoint() ?? "", pods.instance.cgroup, `pod${metadata.uid}`);
  return readFileSync(join(folder, path), "utf8").trim();
}

test("the kernel has the new limits", async (pods) => {
  await pods.createManifest("resize");
  await untilResized(pods, "resizable");
  assert.is(await cgroupFile(pods, "resizable", "main/memory.max"), String(64 * 2 ** 20));
  await resize(pods, "resizable", { main: amounts("300m", "96Mi") });
  await untilResized(pods, "resizable");
  assert.is(await cgroupFile(pods, "resizable", "main/memory.max"), String(96 * 2 ** 20));
  assert.is(await cgroupFile(pods, "resizable", "main/cpu.max"), "30000 100000");
  assert.is(await cgroupFile(pods, "resizable", "memory.max"), String(160 * 2 ** 20));
  await resize(pods, "resizable", { main: amounts("200m", "48Mi") });
  await untilResized(pods, "resizable");
  assert.is(await cgroupFile(pods, "resizable", "main/memory.max"), String(48 * 2 ** 20));
  assert.is(await cgroupFile(pods, "resizable", "memory.max"), String(112 * 2 ** 20));
  await pods.delete("resizable");
});

test("memory that is in use is not taken away", async (pods) => {
  const script = "head -c 48m /dev/zero >/dev/shm/file; trap 'exit 0' TERM; sleep infinity & wait";
  const hog = shell("main", script, { resources: amounts("1", "128Mi") });
  await pods.up("full", { containers: [hog] });
  await pods.ask("full", "until [ $(wc -c </dev/shm/file) = 50331648 ]; do sleep 0.1; done");
  await resize(pods, "full", { main: amounts("1", "36Mi") });
  const refused = await pods.until("full", "the error", (pod) => {
    return conditionOf(pod, "PodResizeInProgress")?.reason === "Error";
  });
  assert.match(
    conditionOf(refused, "PodResizeInProgress")?.message ?? "",
    /^attempting to set container "main" memory limit \(37748736\) below current usage \(\d+\)$/,
  );
  assert.is(statusOf(refused, "main").resources?.limits?.["memory"], "128Mi");
  await pods.ask("full", "rm /dev/shm/file");
  await untilResized(pods, "full");
  await pods.delete("full");
});

run();
