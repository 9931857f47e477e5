// Promise: a daemon that dies at any step of a pod's deletion leaves the rest of it to the next one, which leaves nothing
// (security: C-01, C-14, C-15).
import * as assert from "uvu/assert";
import { deletePod, waitUntilGone } from "../../src/cli/delete-pod.ts";
import { killSuite, type Moment, wholePod } from "../support/kill-suite.ts";
import { patient } from "../support/patience.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = killSuite("a daemon that dies while a pod is deleted");

const moments: readonly Moment[] = [
  "pod/engine.record",
  "cgroup/hierarchy.kill",
  "pod/attempt.finish",
  "cgroup/hierarchy.kill:@2",
  "pod/sandbox.stop-rules",
  "pod/sandbox.stop-shim",
  "cgroup/hierarchy.remove",
  "pod/sandbox.stop-folder",
  "net/ipam.release",
  "sys/trash.discard",
  "pod/remove-pod.record",
  "agent/agent.object",
];

for (const moment of moments) {
  test("the next one goes on", moment, async (pods, name, die) => {
    const pod = await pods.up(name, wholePod);
    await die(() => deletePod(pods.client, pod, 0));
    // The request may not have got through.
    await deletePod(pods.client, pod, 0);
    await waitUntilGone(pods.client, pod, AbortSignal.timeout(patient(30_000)));
    const left = await pods.list();
    assert.equal(
      left.map(({ metadata }) => metadata.name),
      ["bystander"],
    );
  });
}

run();
