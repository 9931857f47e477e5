import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ContainerRecord, PodRecord } from "../../../src/pod/record.ts";
import { podStatus } from "../../../src/pod/status.ts";
import type { PodStatus } from "../../../src/spec/pod.ts";
import { attempt, type PodOptions, pod, record } from "./fixtures.ts";

const status = suite("podStatus()");

function of(state: PodRecord, options: PodOptions = {}, nowMs = 0): PodStatus {
  return podStatus({ pod: pod(options), record: state, nowMs, hostIP: "192.0.2.1" });
}

function conditionsOf({ conditions = [] }: PodStatus): Record<string, string> {
  return Object.fromEntries(
    conditions.map(({ type, status: value, reason }) => [
      type,
      reason ? `${value} ${reason}` : value,
    ]),
  );
}

const running: ContainerRecord = {
  restartCount: 0,
  current: attempt({ state: "running", startedAtMs: 1000 }),
};

function exited(
  exitCode: number,
  reason: string,
  more: Partial<ContainerRecord> = {},
): ContainerRecord {
  return {
    restartCount: 0,
    current: attempt({ state: "exited", exitCode, reason, startedAtMs: 1000, finishedAtMs: 2000 }),
    ...more,
  };
}

status("Pending with ContainerCreating before anything runs", () => {
  const result = of(record({ sandbox: "starting" }));
  assert.is(result.phase, "Pending");
  assert.equal(result.containerStatuses?.[0]?.state, { waiting: { reason: "ContainerCreating" } });
  assert.equal(conditionsOf(result), {
    PodReadyToStartContainers: "False",
    Initialized: "True",
    Ready: "False ContainersNotReady",
    ContainersReady: "False ContainersNotReady",
    PodScheduled: "True",
  });
});

status("PodInitializing while an init container runs", () => {
  const result = of(record({ containers: { one: running } }), { initContainers: ["one"] });
  assert.is(result.phase, "Pending");
  assert.equal(result.containerStatuses?.[0]?.state, { waiting: { reason: "PodInitializing" } });
  assert.equal(result.initContainerStatuses?.[0]?.state, {
    running: { startedAt: "1970-01-01T00:00:01Z" },
  });
  assert.is(conditionsOf(result)["Initialized"], "False ContainersNotInitialized");
});

status("Running and Ready with address", () => {
  const result = of(record({ containers: { app: running } }));
  assert.is(result.phase, "Running");
  assert.is(result.podIP, "10.85.0.2");
  assert.is(result.hostIP, "192.0.2.1");
  assert.is(conditionsOf(result)["Ready"], "True");
  assert.is(result.containerStatuses?.[0]?.containerID, `nspod://${"ab".repeat(32)}`);
});

status("CrashLoopBackOff keeps the pod Running and shows the exit as lastState", () => {
  const app = exited(1, "Error", {
    restartCount: 3,
    backOff: { delayMs: 40_000, failedAtMs: 2000 },
  });
  const result = of(record({ containers: { app } }));
  const [container] = result.containerStatuses ?? [];
  assert.is(result.phase, "Running");
  assert.is(container?.state?.waiting?.reason, "CrashLoopBackOff");
  assert.match(
    container?.state?.waiting?.message ?? "",
    /^back-off 40s restarting failed container=app/,
  );
  assert.is(container?.lastState?.terminated?.exitCode, 1);
  assert.is(container?.restartCount, 3);
});

status("RunContainerError says why a program does not start, and becomes CrashLoopBackOff", () => {
  const refused = (number: number) => {
    const { current, ...state } = exited(127, "ContainerCannotRun", {
      restartCount: number,
      backOff: { delayMs: 10_000 * number, failedAtMs: 2000 },
    });
    const app = current && { ...state, current: { ...current, number, message: "not found" } };
    return of(record({ containers: app ? { app } : {} })).containerStatuses?.[0];
  };
  assert.equal(refused(1)?.state, {
    waiting: { reason: "RunContainerError", message: "not found" },
  });
  assert.is(refused(1)?.lastState?.terminated?.reason, "ContainerCannotRun");
  assert.is(refused(2)?.state?.waiting?.reason, "CrashLoopBackOff");
});

status("Succeeded when every container of a finished pod exited with 0", () => {
  const state = { ...record({ containers: { app: exited(0, "Completed") } }), isTerminal: true };
  const result = of(state, { restartPolicy: "Never" });
  assert.is(result.phase, "Succeeded");
  assert.is(result.containerStatuses?.[0]?.state?.terminated?.reason, "Completed");
  assert.is(conditionsOf(result)["Ready"], "False PodCompleted");
});

status("Failed when one of them did not", () => {
  const state = { ...record({ containers: { app: exited(137, "OOMKilled") } }), isTerminal: true };
  const result = of(state, { restartPolicy: "Never" });
  assert.is(result.phase, "Failed");
  assert.is(result.containerStatuses?.[0]?.state?.terminated?.reason, "OOMKilled");
});

status("a waiting reason wins over the state before", () => {
  const waiting = { reason: "ErrImagePull", message: "not present" };
  const result = of(record({ containers: { app: { restartCount: 0, waiting } } }));
  assert.is(result.phase, "Pending");
  assert.equal(result.containerStatuses?.[0]?.state, { waiting });
});

status("the transition time of a condition moves only with its status", () => {
  const first = of(record({ sandbox: "starting" }), {}, 5_000);
  const second = of(record({ containers: { app: running } }), { status: first }, 9_000);
  const time = (type: string, { conditions = [] }: PodStatus): string | undefined =>
    conditions.find((condition) => condition.type === type)?.lastTransitionTime;
  assert.is(time("Ready", second), "1970-01-01T00:00:09Z");
  assert.is(time("PodScheduled", second), "1970-01-01T00:00:05Z");
});

status.run();
