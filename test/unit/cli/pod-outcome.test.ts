import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  describeWaiting,
  firstFailure,
  podExitCode,
  stuckReason,
  waitState,
} from "../../../src/cli/pod-outcome.ts";
import { container, ended, pod } from "./pods.ts";

const outcome = suite("podExitCode(), firstFailure()");

outcome("is the code of the container that failed first", () => {
  const containerStatuses = [
    container(ended(9, { finishedAt: "2026-01-01T00:00:20Z" }), { name: "late" }),
    container(ended(7, { finishedAt: "2026-01-01T00:00:05Z", signal: 7 }), { name: "early" }),
    container(ended(0, { finishedAt: "2026-01-01T00:00:01Z" }), { name: "fine" }),
  ];
  const failed = pod({ phase: "Failed", containerStatuses });
  assert.is(podExitCode(failed), 7);
  assert.is(firstFailure(failed)?.why, "signal 7 (Error)");
});

outcome("is 0 for success whatever containers did before, and never 0 for failure", () => {
  const containerStatuses = [container(ended(0))];
  assert.is(podExitCode(pod({ phase: "Succeeded", containerStatuses })), 0);
  assert.is(podExitCode(pod({ phase: "Failed", reason: "Evicted", containerStatuses })), 1);
  assert.is(
    podExitCode(pod({ phase: "Failed", containerStatuses: [container(ended(4711))] })),
    255,
  );
});

outcome.run();

const waits = suite("waitState(), stuckReason()");

const ready = [{ type: "Ready", status: "True" }] as const;

waits("running is reached by a pod that runs or has succeeded", () => {
  assert.is(waitState(pod({ phase: "Pending" }), "running").state, "pending");
  assert.is(waitState(pod({ phase: "Running" }), "running").state, "reached");
  assert.is(waitState(pod({ phase: "Succeeded" }), "running").state, "reached");
  assert.is(waitState(pod({ phase: "Failed" }), "running").state, "failed");
});

waits("ready is not reached by a pod that ended before", () => {
  assert.is(waitState(pod({ phase: "Running" }), "ready").state, "pending");
  assert.is(waitState(pod({ phase: "Running", conditions: ready }), "ready").state, "reached");
  assert.is(waitState(pod({ phase: "Succeeded" }), "ready").state, "failed");
});

waits("a pod without its image is stuck; one that crashes is not", () => {
  const of = (reason: string) =>
    pod({
      phase: "Pending",
      containerStatuses: [container({ waiting: { reason, message: "m" } })],
    });
  assert.is(stuckReason(of("ErrImageNeverPull")), 'Container "app": ErrImageNeverPull: m');
  assert.is(stuckReason(of("CrashLoopBackOff")), undefined);
  assert.is(stuckReason(of("ContainerCreating")), undefined);
  assert.is(describeWaiting(of("CrashLoopBackOff")), 'Container "app": CrashLoopBackOff: m');
  assert.is(describeWaiting(pod({ phase: "Pending" })), "its phase is Pending");
});

waits.run();
