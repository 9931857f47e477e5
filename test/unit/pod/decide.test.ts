import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Action, decide } from "../../../src/pod/decide.ts";
import type { ContainerRecord, PodRecord } from "../../../src/pod/record.ts";
import { attempt, pod, record } from "./fixtures.ts";

const decision = suite("decide()");

function kinds(actions: readonly Action[]): string[] {
  return actions.map((action) =>
    action.kind === "startContainer" ? `start ${action.ref.container.name}` : action.kind,
  );
}

function next(state: PodRecord, options: Parameters<typeof pod>[0] = {}, nowMs = 0): string[] {
  return kinds(decide(pod(options), state, nowMs).actions);
}

const exited = (exitCode: number, more: Partial<ContainerRecord> = {}): ContainerRecord => ({
  restartCount: 0,
  current: attempt({ state: "exited", exitCode }),
  ...more,
});
const running: ContainerRecord = { restartCount: 0, current: attempt({ state: "running" }) };

decision("starts the sandbox first", () => {
  assert.equal(next(record({ sandbox: "absent" })), ["startSandbox"]);
});

decision("waits before it tries a failed sandbox again", () => {
  const state = { ...record({ sandbox: "absent" }), sandboxRetryAtMs: 5000 };
  assert.equal(decide(pod(), state, 4999), { actions: [], wakeAtMs: 5000 });
  assert.equal(next(state, {}, 5000), ["startSandbox"]);
});

decision("starts all app containers when there are no init containers", () => {
  assert.equal(next(record(), { containers: ["a", "b"] }), ["start a", "start b"]);
});

decision("runs init containers one by one before the app containers", () => {
  const options = { initContainers: ["one", "two"], containers: ["app"] };
  assert.equal(next(record(), options), ["start one"]);
  assert.equal(next(record({ containers: { one: running } }), options), []);
  assert.equal(next(record({ containers: { one: exited(0) } }), options), ["start two"]);
  const both = record({ containers: { one: exited(0), two: exited(0) } });
  assert.equal(next(both, options), ["start app"]);
});

decision("runs init containers again in a new sandbox", () => {
  const options = { initContainers: ["one"], containers: ["app"] };
  const state = record({ generation: 2, containers: { one: exited(0), app: exited(1) } });
  assert.equal(next(state, options), ["start one"]);
});

for (const [policy, exitCode, expected] of [
  ["Always", 0, ["start app"]],
  ["Always", 1, ["start app"]],
  ["OnFailure", 0, ["markTerminal"]],
  ["OnFailure", 1, ["start app"]],
  ["Never", 0, ["markTerminal"]],
  ["Never", 1, ["markTerminal"]],
] as const) {
  decision(`restartPolicy ${policy} after exit ${exitCode}: ${expected}`, () => {
    const state = record({ containers: { app: exited(exitCode) } });
    assert.equal(next(state, { restartPolicy: policy }), [...expected]);
  });
}

decision("waits for the back-off after the exit", () => {
  const app = exited(1, { backOff: { delayMs: 10_000, failedAtMs: 0 } });
  const state = record({ containers: { app } });
  assert.equal(decide(pod(), state, 9_999), { actions: [], wakeAtMs: 10_000 });
  assert.equal(next(state, {}, 10_000), ["start app"]);
});

decision("a failed init container ends a pod that is never restarted", () => {
  const state = record({ containers: { one: exited(3) } });
  const options = { initContainers: ["one"], restartPolicy: "Never" as const };
  assert.equal(next(state, options), ["markTerminal"]);
  assert.equal(next(state, { ...options, restartPolicy: "OnFailure" }), ["start one"]);
});

decision("a pod with one running container is not over", () => {
  const state = record({ containers: { a: exited(0), b: running } });
  assert.equal(next(state, { containers: ["a", "b"], restartPolicy: "Never" }), []);
});

decision("takes the sandbox of a finished pod away, once", () => {
  const state = { ...record({ containers: { app: exited(0) } }), isTerminal: true };
  assert.equal(next(state, { restartPolicy: "Never" }), ["stopSandbox"]);
  const gone = { ...state, sandbox: { ...state.sandbox, state: "absent" as const } };
  assert.equal(next(gone, { restartPolicy: "Never" }), []);
});

decision("deletion: stop signal, grace period, SIGKILL, sandbox, removal", () => {
  const options = { deletionGracePeriodSeconds: 30 };
  const state = record({ containers: { app: running } });
  assert.equal(decide(pod(options), state, 0).actions, [
    { kind: "stopContainers", graceMs: 30_000 },
  ]);
  const stopping = { ...state, stopping: { sinceMs: 0, deadlineMs: 30_000, isKilled: false } };
  assert.equal(decide(pod(options), stopping, 29_999), { actions: [], wakeAtMs: 30_000 });
  assert.equal(next(stopping, options, 30_000), ["killContainers"]);
  const killed = { ...stopping, stopping: { ...stopping.stopping, isKilled: true } };
  assert.equal(next(killed, options, 30_001), []);
  const dead = { ...killed, containers: { app: exited(137) } };
  assert.equal(next(dead, options, 30_002), ["stopSandbox"]);
  const gone = { ...dead, sandbox: { ...dead.sandbox, state: "absent" as const } };
  assert.equal(next(gone, options, 30_003), ["removePod"]);
});

decision("an evicted pod is stopped and ends, it is not removed", () => {
  const terminal = { reason: "Evicted", message: "too much" };
  const state = { ...record({ containers: { app: running } }), terminal };
  assert.equal(next(state), ["stopContainers"]);
  assert.equal(next({ ...record({ containers: { app: exited(143) } }), terminal }), [
    "markTerminal",
  ]);
});

decision("a second deletion may only shorten the grace period", () => {
  const stopping = {
    ...record({ containers: { app: running } }),
    stopping: { sinceMs: 0, deadlineMs: 30_000, isKilled: false },
  };
  assert.equal(next(stopping, { deletionGracePeriodSeconds: 2 }, 2_000), ["killContainers"]);
  const longer = decide(pod({ deletionGracePeriodSeconds: 90 }), stopping, 2_000);
  assert.is(longer.wakeAtMs, 30_000);
});

decision("a changed image stops the container and starts it again whatever policy says", () => {
  const old = attempt({ state: "running", image: "busybox:1" });
  const options = { restartPolicy: "Never" as const };
  const state = record({ containers: { app: { restartCount: 0, current: old } } });
  assert.equal(next(state, options), ["replaceContainer"]);
  const replacing = { sinceMs: 0, deadlineMs: 30_000, isKilled: false };
  const stopping = record({ containers: { app: { restartCount: 0, current: old, replacing } } });
  assert.equal(decide(pod(options), stopping, 1), { actions: [], wakeAtMs: 30_000 });
  assert.equal(next(stopping, options, 30_000), ["killContainer"]);
  const exitedOld = { ...old, state: "exited" as const, exitCode: 143 };
  const gone = record({ containers: { app: { restartCount: 0, current: exitedOld, replacing } } });
  assert.equal(next(gone, options, 5), ["start app"]);
});

decision.run();
