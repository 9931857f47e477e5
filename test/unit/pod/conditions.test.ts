import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ContainerRecord, PodRecord } from "../../../src/pod/record.ts";
import { podStatus, withForeignStatus } from "../../../src/pod/status.ts";
import type { PodCondition, PodStatus } from "../../../src/spec/pod.ts";
import { attempt, type PodOptions, pod, record } from "./fixtures.ts";

const conditions = suite("podConditions()");

function statusOf(state: PodRecord, options: PodOptions): PodStatus {
  return podStatus({ pod: pod(options), record: state, nowMs: 0, hostIP: "192.0.2.1" });
}

function of(type: string, state: PodRecord, options: PodOptions = {}): string[] {
  const found = statusOf(state, options).conditions?.find((condition) => condition.type === type);
  return [found?.status ?? "", found?.reason ?? "", found?.message ?? ""];
}

const running: ContainerRecord = { restartCount: 0, current: attempt(), started: true };
const gate = "example.com/balancer";
const gated: PodOptions = { spec: { readinessGates: [{ conditionType: gate }] } };

function withGate(status: string): PodOptions {
  const conditions: PodCondition[] = [{ type: gate, status }];
  return { ...gated, status: { conditions } };
}

conditions("a sidecar has to be started for Initialized, and ready for Ready", () => {
  const options = { initContainers: ["proxy"], sidecars: ["proxy"] };
  const starting = record({ containers: { proxy: { ...running, started: false } } });
  assert.equal(of("Initialized", starting, options), [
    "False",
    "ContainersNotInitialized",
    "containers with incomplete status: [proxy]",
  ]);
  const up = record({ containers: { proxy: running, app: running } });
  assert.equal(of("Initialized", up, options), ["True", "", ""]);
  assert.equal(of("Ready", up, options), ["True", "", ""]);
  const again = record({ containers: { proxy: { ...running, started: false }, app: running } });
  assert.equal(of("Initialized", again, options), ["True", "", ""], "it was initialized once");
  assert.equal(of("ContainersReady", again, options), [
    "False",
    "ContainersNotReady",
    "containers with unready status: [proxy]",
  ]);
});

conditions("Ready waits for the readiness gates, ContainersReady does not", () => {
  const state = record({ containers: { app: running } });
  assert.equal(of("Ready", state, gated), [
    "False",
    "ReadinessGatesNotReady",
    `corresponding condition of pod readiness gate "${gate}" does not exist.`,
  ]);
  assert.equal(of("Ready", state, withGate("False")), [
    "False",
    "ReadinessGatesNotReady",
    `the status of pod readiness gate "${gate}" is not "True", but False`,
  ]);
  assert.equal(of("Ready", state, withGate("True")), ["True", "", ""]);
  assert.equal(of("ContainersReady", state, gated), ["True", "", ""]);
});

conditions("AllContainersRestarting is there only while it is so", () => {
  const stop = { cause: "allRestart", phase: "killed", sinceMs: 0, deadlineMs: 0 } as const;
  const state = record({ containers: { app: { ...running, stop } } });
  assert.equal(of("AllContainersRestarting", state), ["True", "", ""]);
  assert.equal(of("AllContainersRestarting", record({ containers: { app: running } })), [
    "",
    "",
    "",
  ]);
});

conditions("withForeignStatus() keeps what others have written and drops what is over", () => {
  const next = statusOf(record({ containers: { app: running } }), {});
  const current: PodStatus = {
    ...next,
    reason: "Evicted",
    nominatedNodeName: "here",
    conditions: [
      { type: gate, status: "True" },
      { type: "AllContainersRestarting", status: "True" },
      { type: "Ready", status: "False" },
    ],
  };
  const merged = withForeignStatus(next, current);
  assert.is(merged.reason, undefined);
  assert.is(merged.nominatedNodeName, "here");
  assert.equal(merged.conditions, [...(next.conditions ?? []), { type: gate, status: "True" }]);
});

conditions.run();
