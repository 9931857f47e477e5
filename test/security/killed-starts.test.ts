// Promise: a daemon that dies at any step of a pod's start leaves it to the next one, which starts it as if nothing had
// been, once (security: C-01, C-14).
import * as assert from "uvu/assert";
import { killSuite, type Moment, wholePod } from "../support/kill-suite.ts";
import { statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = killSuite("a daemon that dies while a pod starts");

const moments: readonly Moment[] = [
  "pod/engine.record",
  "net/ipam.reserve",
  "cgroup/hierarchy.create",
  "pod/sandbox.folders",
  "volume/prepare.volume",
  "shim/launch.spawn",
  "pod/sandbox.rules",
  "pod/attempt.prepare",
  "shim/launch.spawned",
  "pod/sandbox-steps.connect",
  "pod/engine.record:@3",
  "pod/attempt.start",
  "pod/attempt.started",
  "pod/engine.record:@5",
];

for (const moment of moments) {
  test("the next one starts it", moment, async (pods, name, die) => {
    await die(() => pods.create(name, wholePod));
    const isStored = (await pods.list()).some(({ metadata }) => metadata.name === name);
    if (!isStored) await pods.create(name, wholePod);
    // Of a pod that never restarts, so a container that had been started twice or not at all would show.
    const pod = await pods.until(name, "it to run", (each) => statusOf(each, "main").ready);
    assert.is(statusOf(pod, "main").restartCount, 0);
    await pods.delete(name);
  });
}

run();
