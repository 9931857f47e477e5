import { suite } from "uvu";
import * as assert from "uvu/assert";
import { decideStarts, restartAtMs } from "../../../src/pod/decide-starts.ts";
import type { ContainerRecord, PodRecord } from "../../../src/pod/record.ts";
import { attempt, type PodOptions, pod, record } from "./fixtures.ts";

const starts = suite("decideStarts()");

function due(state: PodRecord, options: PodOptions, nowMs = 0): string[] {
  return decideStarts(pod(options), state, nowMs).due.map(({ container }) => container.name);
}

const running: ContainerRecord = { restartCount: 0, current: attempt() };
const started: ContainerRecord = { ...running, started: true, startedIn: 1 };
const starting: ContainerRecord = { ...running, started: false };

const exited = (exitCode: number, more: Partial<ContainerRecord> = {}): ContainerRecord => ({
  restartCount: 0,
  current: attempt({ state: "exited", exitCode }),
  ...more,
});

const withSidecar: PodOptions = {
  initContainers: ["first", "proxy", "last"],
  sidecars: ["proxy"],
  containers: ["app"],
};

starts("a sidecar holds the next container until it is started, not until it ends", () => {
  assert.equal(due(record(), withSidecar), ["first"]);
  const containers = { first: exited(0) };
  assert.equal(due(record({ containers }), withSidecar), ["proxy"]);
  assert.equal(due(record({ containers: { ...containers, proxy: starting } }), withSidecar), []);
  const both = { ...containers, proxy: started };
  assert.equal(due(record({ containers: both }), withSidecar), ["last"]);
  assert.equal(due(record({ containers: { ...both, last: running } }), withSidecar), []);
  assert.equal(due(record({ containers: { ...both, last: exited(0) } }), withSidecar), ["app"]);
});

starts("a sidecar that was started once holds nobody when it fails, and starts again", () => {
  const proxy = exited(1, { started: true, startedIn: 1 });
  const last = { restartCount: 0, current: attempt({ state: "exited" }) };
  const containers = { first: exited(0), proxy, last };
  for (const restartPolicy of ["Always", "OnFailure", "Never"] as const) {
    assert.equal(due(record({ containers }), { ...withSidecar, restartPolicy }), ["proxy", "app"]);
  }
});

starts(
  "a sidecar that failed before it was started holds the next one through its back-off",
  () => {
    const proxy = exited(1, { started: false, backOff: { delayMs: 10_000, failedAtMs: 0 } });
    const state = record({ containers: { first: exited(0), proxy } });
    assert.equal(decideStarts(pod(withSidecar), state, 1), { due: [], nextAtMs: 10_000 });
    assert.equal(due(state, withSidecar, 10_000), ["proxy"]);
  },
);

starts("in a new sandbox a sidecar holds the next container again", () => {
  const containers = { first: exited(0), proxy: exited(137, { startedIn: 1 }), last: exited(0) };
  const state = record({ generation: 2, containers });
  assert.equal(due(state, withSidecar), ["first"]);
});

starts("a postStart hook holds the containers behind it", () => {
  const options: PodOptions = {
    containers: ["one", "two"],
    container: { lifecycle: { postStart: { sleep: { seconds: 1 } } } },
  };
  assert.equal(due(record(), options), ["one"]);
  const holding: ContainerRecord = { ...running, postStart: "running" };
  assert.equal(due(record({ containers: { one: holding } }), options), []);
  const done: ContainerRecord = { ...running, postStart: "done" };
  assert.equal(due(record({ containers: { one: done } }), options), ["two"]);
});

starts("an ephemeral container starts once, whatever the others do", () => {
  const options: PodOptions = {
    initContainers: ["init"],
    ephemeralContainers: ["debug"],
    restartPolicy: "Always",
  };
  assert.equal(due(record({ containers: { init: running } }), options), ["debug"]);
  for (const debug of [running, exited(0), exited(1)]) {
    assert.equal(due(record({ containers: { init: running, debug } }), options), []);
  }
});

starts("restartPolicy of a container wins over that of the pod", () => {
  const ended = (exitCode: number) => record({ containers: { app: exited(exitCode) } });
  const of = (own: string, restartPolicy: "Always" | "Never", exitCode: number) =>
    due(ended(exitCode), { restartPolicy, container: { restartPolicy: own } });
  assert.equal(of("Never", "Always", 1), []);
  assert.equal(of("OnFailure", "Always", 0), []);
  assert.equal(of("OnFailure", "Never", 1), ["app"]);
  assert.equal(of("Always", "Never", 0), ["app"]);
});

starts("the first rule with the exit code restarts, the others leave it to the policy", () => {
  const container = {
    restartPolicy: "Never",
    restartPolicyRules: [
      { action: "Restart", exitCodes: { operator: "In", values: [42, 43] } },
      { action: "Restart", exitCodes: { operator: "NotIn", values: [0, 1, 42, 43] } },
    ],
  };
  const restarts = [0, 1, 2, 42, 43].filter((exitCode) => {
    const state = record({ containers: { app: exited(exitCode) } });
    return due(state, { container }).length > 0;
  });
  assert.equal(restarts, [2, 42, 43]);
});

starts("restartAtMs() counts the back-off from the end", () => {
  const state = exited(1, {
    current: attempt({ state: "exited", exitCode: 1, finishedAtMs: 500 }),
    backOff: { delayMs: 10_000, failedAtMs: 500 },
  });
  assert.is(restartAtMs(state), 10_500);
  assert.is(restartAtMs(running), 0);
  const stop = { phase: "signalled", sinceMs: 400, deadlineMs: 900 } as const;
  assert.is(restartAtMs({ ...state, stop: { ...stop, cause: "definitionChanged" } }), 0);
  const [young, old] = [400, -20_000].map((finishedAtMs) =>
    restartAtMs({
      ...state,
      last: attempt({ state: "exited", finishedAtMs }),
      stop: { ...stop, cause: "livenessProbe" },
    }),
  );
  assert.is(young, 10_500, "the end before that is nearer than the back-off");
  assert.is(old, 0);
});

starts.run();
