// A DaemonSet on the one node: its pod, a new template, a node that is no longer wanted.
import * as assert from "uvu/assert";
import type { DaemonSet } from "../../src/spec/kubernetes.gen.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { createWorkload, isRolledOut, podsOf, untilObject } from "../support/workloads.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("daemon sets", "busybox");

async function rolledOut(pods: Pods): Promise<DaemonSet> {
  return await untilObject<DaemonSet>(pods, "DaemonSet", "each", isRolledOut);
}

test("has one pod on the node, which a cordon does not keep away", async (pods) => {
  await createWorkload(pods, "DaemonSet");
  const { status } = await untilObject<DaemonSet>(
    pods,
    "DaemonSet",
    "each",
    (set) => set.status?.numberAvailable === 1,
  );
  assert.is(status?.desiredNumberScheduled, 1);
  const [pod] = await podsOf(pods, "each");
  const tolerated = pod?.spec.tolerations?.map(({ key }) => key);
  assert.ok(tolerated?.includes("node.kubernetes.io/unschedulable"));
});

test("replaces its pod when it is deleted, and when the template changes", async (pods) => {
  const [first] = await podsOf(pods, "each");
  await pods.deleteObject("Pod", first?.metadata.name ?? "");
  await untilObject<DaemonSet>(pods, "DaemonSet", "each", (set) => set.status?.numberReady === 0);
  await rolledOut(pods);
  await pods.instance.must(["rollout", "restart", "ds/each"]);
  await rolledOut(pods);
  const all = await podsOf(pods, "each");
  assert.is(all.length, 1);
  assert.is.not(all[0]?.metadata.uid, first?.metadata.uid);
});

test("leaves a node that its selector no longer fits", async (pods) => {
  await pods.patch("DaemonSet", "each", {
    spec: { template: { spec: { nodeSelector: { disk: "none" } } } },
  });
  await untilObject<DaemonSet>(
    pods,
    "DaemonSet",
    "each",
    ({ metadata, status }) =>
      status?.observedGeneration === metadata.generation && status?.desiredNumberScheduled === 0,
  );
  assert.equal(await podsOf(pods, "each"), []);
  await pods.instance.must(["delete", "ds", "each", "--cascade=foreground"]);
});

run();
