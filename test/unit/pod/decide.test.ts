import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Action, decide } from "../../../src/pod/decide.ts";
import type { StopOrder } from "../../../src/pod/decide-stops.ts";
import type { ContainerRecord, ContainerStop, PodRecord } from "../../../src/pod/record.ts";
import { attempt, pod, record } from "./fixtures.ts";

const decision = suite("decide()");

function kinds(actions: readonly Action[]): string[] {
  return actions.flatMap((action) => {
    if (action.kind === "startContainer") return [`start ${action.ref.container.name}`];
    if (action.kind !== "stopContainers") return [action.kind];
    return action.orders.map(({ ref, stop }) => `${ref.container.name} ${stop.phase}`);
  });
}

function orders(actions: readonly Action[]): readonly StopOrder[] {
  return actions.flatMap((action) => (action.kind === "stopContainers" ? action.orders : []));
}

/** The stop signal was sent at 0, with 30 s of grace. */
function stopOf(cause: ContainerStop["cause"]): ContainerStop {
  return { cause, phase: "signalled", sinceMs: 0, deadlineMs: 30_000 };
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

decision(
  "starts the next attempt after a back-off, at once when a probe had it ended after a longer life",
  () => {
    const stop = {
      cause: "livenessProbe",
      phase: "signalled",
      sinceMs: 59_000,
      deadlineMs: 89_000,
    };
    const app: ContainerRecord = {
      restartCount: 1,
      current: attempt({
        state: "exited",
        exitCode: 143,
        startedAtMs: 30_000,
        finishedAtMs: 60_000,
      }),
      last: attempt({ state: "exited", exitCode: 1, finishedAtMs: 20_000 }),
      backOff: { delayMs: 10_000, failedAtMs: 60_000 },
    };
    const ended = record({ containers: { app } });
    assert.equal(decide(pod(), ended, 60_000), { actions: [], wakeAtMs: 70_000 });
    const failed = record({ containers: { app: { ...app, stop: stop as ContainerStop } } });
    assert.equal(next(failed, {}, 60_000), ["start app"]);
  },
);

decision("takes its time before it tries again to end what does not end", () => {
  const state = { ...record({ sandbox: "stopping" }), isTerminal: true, sandboxRetryAtMs: 2000 };
  assert.equal(decide(pod(), state, 1999), { actions: [], wakeAtMs: 2000 });
  assert.equal(next(state, {}, 2000), ["stopSandbox"]);
});

decision("an evicted pod is stopped and ends, it is not removed", () => {
  const terminal = { reason: "Evicted", message: "too much" };
  const state = { ...record({ containers: { app: running } }), terminal };
  assert.equal(next(state), ["app signalled"]);
  assert.equal(next({ ...record({ containers: { app: exited(143) } }), terminal }), [
    "markTerminal",
  ]);
});

decision("activeDeadlineSeconds fails the pod that long after it was accepted", () => {
  const spec = { activeDeadlineSeconds: 60 };
  const state = { ...record({ containers: { app: running } }), acceptedAtMs: 1000 };
  assert.equal(decide(pod({ spec }), state, 60_999), { actions: [], wakeAtMs: 61_000 });
  const [action] = decide(pod({ spec }), state, 61_000).actions;
  assert.equal(action, {
    kind: "failPod",
    reason: "DeadlineExceeded",
    message: "Pod was active on the node longer than the specified deadline",
  });
  const ended = { ...record({ containers: { app: exited(0) } }), acceptedAtMs: 1000 };
  assert.equal(next(ended, { spec, restartPolicy: "Never" }, 90_000), ["markTerminal"]);
});

decision("activeDeadlineSeconds ends the wait for a sandbox, too", () => {
  const spec = { activeDeadlineSeconds: 5 };
  const state = { ...record({ sandbox: "absent" }), sandboxRetryAtMs: 60_000 };
  assert.equal(decide(pod({ spec }), state, 0), { actions: [], wakeAtMs: 5000 });
  assert.equal(next(state, { spec }, 5000), ["failPod"]);
});

decision("a changed image stops the container and starts it again whatever policy says", () => {
  const old = attempt({ state: "running", image: "busybox:1" });
  const options = { restartPolicy: "Never" as const };
  const state = record({ containers: { app: { restartCount: 0, current: old } } });
  assert.equal(next(state, options), ["app signalled"]);
  const stop = stopOf("definitionChanged");
  const stopping = record({ containers: { app: { restartCount: 0, current: old, stop } } });
  assert.equal(decide(pod(options), stopping, 1), { actions: [], wakeAtMs: 30_000 });
  assert.equal(next(stopping, options, 30_000), ["app killed"]);
  const exitedOld = { ...old, state: "exited" as const, exitCode: 143 };
  const gone = record({ containers: { app: { restartCount: 0, current: exitedOld, stop } } });
  assert.equal(next(gone, options, 5), ["start app"]);
});

for (const [field, cause] of [
  ["livenessProbe", "liveness"],
  ["startupProbe", "startup"],
] as const) {
  decision(`a failed ${cause} probe ends the container within the probe's grace period`, () => {
    const options = {
      restartPolicy: "Never" as const,
      container: { [field]: { terminationGracePeriodSeconds: 7 } },
    };
    const app: ContainerRecord = { ...running, failedProbe: cause };
    const [order] = orders(decide(pod(options), record({ containers: { app } }), 100).actions);
    assert.equal(order?.stop, {
      cause: field,
      phase: "signalled",
      sinceMs: 100,
      deadlineMs: 7100,
    });
    const ended = { ...exited(0), stop: order?.stop as ContainerStop };
    const after = record({ containers: { app: ended } });
    assert.equal(next(after, options), ["markTerminal"]);
    assert.equal(next(after, { ...options, restartPolicy: "OnFailure" }), ["start app"]);
  });
}

decision("a failed postStart hook ends the container, and policy starts it again", () => {
  const app: ContainerRecord = { ...running, postStart: "failed" };
  const [order] = orders(decide(pod(), record({ containers: { app } }), 0).actions);
  assert.is(order?.stop.cause, "postStartHook");
  const ended = { ...exited(0), stop: stopOf("postStartHook") };
  const options = { restartPolicy: "OnFailure" as const };
  assert.equal(next(record({ containers: { app: ended } }), options), ["start app"]);
});

decision(
  "ends all containers for a rule that restarts all, then begins with the init containers",
  () => {
    const rules = [{ action: "RestartAllContainers", exitCodes: { operator: "In", values: [42] } }];
    const options = {
      restartPolicy: "Never" as const,
      initContainers: ["init"],
      containers: ["app", "other"],
      container: { restartPolicy: "Never", restartPolicyRules: rules },
    };
    const containers = { init: exited(0), app: exited(42), other: running };
    assert.equal(next(record({ containers }), options), ["restartAll"]);
    const stop = { ...stopOf("allRestart"), phase: "killed" as const };
    const marked = record({
      containers: {
        init: { ...exited(0), stop },
        app: { ...exited(42), stop },
        other: { ...running, stop },
      },
    });
    assert.equal(next(marked, options), [], "one of them still runs");
    const other = { ...exited(137), stop };
    const gone = record({ containers: { ...marked.containers, other } });
    assert.equal(next(gone, options), ["start init"]);
    const initialized = record({ containers: { ...gone.containers, init: exited(0) } });
    assert.equal(next(initialized, options), ["start app", "start other"]);
  },
);

decision.run();
