// Promise: a pod with readiness gates is Ready when others have set their conditions, and what they set stays.
import * as assert from "uvu/assert";
import { podsPath } from "../../src/cli/context.ts";
import type { Pod, PodCondition } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("readiness gates", "busybox");

const gate = "example.com/balancer";

function conditionOf(pod: Pod, wanted: string): PodCondition | undefined {
  return pod.status?.conditions?.find(({ type }) => type === wanted);
}

async function setGate(pods: Pods, status: "True" | "False"): Promise<void> {
  await pods.client.json("PATCH", podsPath("default", "gated", "status"), {
    body: { status: { conditions: [{ type: gate, status }] } },
    contentType: "application/strategic-merge-patch+json",
  });
}

test("a pod is Ready when its containers are and every gate is True", async (pods) => {
  await pods.createManifest("readiness-gates");
  const waiting = await pods.until(
    "gated",
    "its containers",
    (pod) => conditionOf(pod, "ContainersReady")?.status === "True",
  );
  const ready = conditionOf(waiting, "Ready");
  assert.equal([ready?.status, ready?.reason], ["False", "ReadinessGatesNotReady"]);
  assert.is(
    ready?.message,
    `corresponding condition of pod readiness gate "${gate}" does not exist.`,
  );
  await setGate(pods, "True");
  const open = await pods.until(
    "gated",
    "Ready",
    (pod) => conditionOf(pod, "Ready")?.status === "True",
  );
  assert.is(conditionOf(open, gate)?.status, "True", "the node keeps it");
  await setGate(pods, "False");
  const closed = await pods.until(
    "gated",
    "the gate",
    (pod) => conditionOf(pod, "Ready")?.status === "False",
  );
  assert.is(
    conditionOf(closed, "Ready")?.message,
    `the status of pod readiness gate "${gate}" is not "True", but False`,
  );
  assert.is(conditionOf(closed, "ContainersReady")?.status, "True");
  await pods.delete("gated");
});

run();
