// Conditions of a pod: replaced where they stand, with the time of their last transition.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { toTime } from "../../../src/base/clock.ts";
import type { PodCondition } from "../../../src/spec/pod.ts";
import {
  disruptionTarget,
  podCondition,
  withPodCondition,
} from "../../../src/spec/pod-condition.ts";
import { podOf } from "../scheduler/fixture.ts";

const ready: PodCondition = { type: "Ready", status: "True", lastTransitionTime: toTime(1000) };
const scheduled: PodCondition = { type: "PodScheduled", status: "True" };
const pod = podOf("p", { status: { phase: "Running", conditions: [ready, scheduled] } });

const conditions = suite("withPodCondition()");

conditions("adds a condition of another type, and leaves the rest of the status", () => {
  const target = disruptionTarget("Gone", "because", 5000);
  const next = withPodCondition(pod, target);
  assert.equal(next.status, { phase: "Running", conditions: [ready, scheduled, target] });
  assert.equal(withPodCondition(podOf("q"), target).status, { conditions: [target] });
});

conditions("replaces the one of its type where it stands, with a new time", () => {
  const next: PodCondition = { type: "Ready", status: "False", lastTransitionTime: toTime(9000) };
  assert.equal(withPodCondition(pod, next).status?.conditions, [next, scheduled]);
});

conditions("the time of the last transition stays while the status does", () => {
  const next = { ...ready, reason: "Other", lastTransitionTime: toTime(9000) };
  const [first] = withPodCondition(pod, next).status?.conditions ?? [];
  assert.equal(first, { ...ready, reason: "Other" });
});

conditions("what is there already makes no other pod", () => {
  assert.is(withPodCondition(pod, { ...ready, lastTransitionTime: toTime(9000) }), pod);
  const once = withPodCondition(pod, disruptionTarget("Gone", "because", 5000));
  assert.is(withPodCondition(once, disruptionTarget("Gone", "because", 6000)), once);
});

conditions("a second reason takes the place of the first", () => {
  const once = withPodCondition(pod, disruptionTarget("First", "a", 5000));
  const twice = withPodCondition(once, disruptionTarget("Second", "b", 6000));
  assert.is(twice.status?.conditions?.length, 3);
  assert.equal(podCondition(twice, "DisruptionTarget"), disruptionTarget("Second", "b", 5000));
});

conditions.run();
