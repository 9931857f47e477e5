import { suite } from "uvu";
import * as assert from "uvu/assert";
import { refs } from "../../../src/pod/container-refs.ts";
import {
  afterPreStop,
  type StopDecision,
  stopContainer,
  stopEverything,
} from "../../../src/pod/decide-stops.ts";
import type { ContainerRecord, ContainerStop, PodRecord } from "../../../src/pod/record.ts";
import { attempt, type PodOptions, pod, record } from "./fixtures.ts";

const stops = suite("stopEverything()");

const running: ContainerRecord = { restartCount: 0, current: attempt() };
const ended: ContainerRecord = { restartCount: 0, current: attempt({ state: "exited" }) };

function phases({ orders }: StopDecision): string[] {
  return orders.map(({ ref, stop }) => `${ref.container.name} ${stop.phase}`);
}

function stopping(
  state: PodRecord,
  options: PodOptions,
  more: { readonly nowMs?: number; readonly graceMs?: number } = {},
): StopDecision {
  return stopEverything(pod(options), state, {
    cause: "podEnds",
    graceMs: 30_000,
    nowMs: 0,
    ...more,
  });
}

function inPhase(
  phase: ContainerStop["phase"],
  more: Partial<ContainerStop> = {},
): ContainerRecord {
  const stop = { cause: "podEnds", phase, sinceMs: 0, deadlineMs: 30_000, ...more } as const;
  return { ...running, stop };
}

const preStop = { container: { lifecycle: { preStop: { sleep: { seconds: 5 } } } } };

stops("signals at once, kills when the grace period is over, and once", () => {
  assert.equal(phases(stopping(record({ containers: { app: running } }), {})), ["app signalled"]);
  const state = record({ containers: { app: inPhase("signalled") } });
  assert.equal(stopping(state, {}, { nowMs: 29_999 }), { orders: [], wakeAtMs: 30_000 });
  assert.equal(phases(stopping(state, {}, { nowMs: 30_000 })), ["app killed"]);
  const killed = record({ containers: { app: inPhase("killed") } });
  assert.equal(stopping(killed, {}, { nowMs: 39_999 }), { orders: [], wakeAtMs: 40_000 });
});

stops("kills again what did not end: after ten seconds, and then every minute", () => {
  const killed = record({ containers: { app: inPhase("killed") } });
  const [order] = stopping(killed, {}, { nowMs: 40_000 }).orders;
  assert.equal(order?.stop, { ...inPhase("killed").stop, killedAgainAtMs: 40_000 });
  const again = inPhase("killed", { killedAgainAtMs: 40_000 });
  const state = record({ containers: { app: again } });
  assert.equal(stopping(state, {}, { nowMs: 99_999 }), { orders: [], wakeAtMs: 100_000 });
  assert.equal(phases(stopping(state, {}, { nowMs: 100_000 })), ["app killed"]);
});

stops("without grace kills at once, hook or not", () => {
  const state = record({ containers: { app: running } });
  assert.equal(phases(stopping(state, preStop, { graceMs: 0 })), ["app killed"]);
  const hooked = record({ containers: { app: inPhase("preStop") } });
  assert.equal(phases(stopping(hooked, preStop, { graceMs: 0, nowMs: 1 })), ["app killed"]);
});

stops("runs the preStop hook before the signal, inside the grace period", () => {
  const state = record({ containers: { app: running } });
  assert.equal(phases(stopping(state, preStop)), ["app preStop"]);
  const hooked = record({ containers: { app: inPhase("preStop") } });
  assert.equal(stopping(hooked, preStop, { nowMs: 10_000 }), { orders: [], wakeAtMs: 30_000 });
  const stop = afterPreStop(inPhase("preStop").stop as ContainerStop, 10_000);
  const done = record({ containers: { app: { ...running, stop } } });
  const [order] = stopping(done, preStop, { nowMs: 10_000 }).orders;
  assert.is(order?.stop.phase, "signalled");
  assert.is(order?.stop.deadlineMs, 30_000, "what the hook took is gone");
});

stops("gives two seconds more, once, after a hook that took the grace period", () => {
  const hooked = record({ containers: { app: inPhase("preStop") } });
  const [order] = stopping(hooked, preStop, { nowMs: 30_000 }).orders;
  assert.equal(order?.stop, {
    cause: "podEnds",
    phase: "signalled",
    sinceMs: 0,
    deadlineMs: 32_000,
    isExtended: true,
  });
  const extended = record({
    containers: { app: { ...running, stop: order?.stop as ContainerStop } },
  });
  assert.equal(stopping(extended, preStop, { nowMs: 31_999 }).wakeAtMs, 32_000);
  assert.equal(phases(stopping(extended, preStop, { nowMs: 32_000 })), ["app killed"]);
  const late = afterPreStop(inPhase("preStop").stop as ContainerStop, 29_000);
  assert.is(late.deadlineMs, 31_000);
});

stops("a second request may only shorten the grace period", () => {
  const state = record({ containers: { app: inPhase("signalled") } });
  assert.equal(phases(stopping(state, {}, { graceMs: 2_000, nowMs: 2_000 })), ["app killed"]);
  assert.is(stopping(state, {}, { graceMs: 90_000, nowMs: 2_000 }).wakeAtMs, 30_000);
});

const sidecars: PodOptions = {
  initContainers: ["one", "two"],
  sidecars: ["one", "two"],
  containers: ["app"],
  ephemeralContainers: ["debug"],
};

stops("sidecars go after the app containers, the last one first", () => {
  const all = { one: running, two: running, app: running, debug: running };
  assert.equal(phases(stopping(record({ containers: all }), sidecars)), [
    "one turn",
    "two turn",
    "app signalled",
    "debug signalled",
  ]);
  const waiting = { one: inPhase("turn"), two: inPhase("turn") };
  const first = record({ containers: { ...waiting, app: inPhase("signalled"), debug: ended } });
  assert.equal(stopping(first, sidecars, { nowMs: 1 }), { orders: [], wakeAtMs: 30_000 });
  const second = record({ containers: { ...waiting, app: ended } });
  assert.equal(phases(stopping(second, sidecars, { nowMs: 1 })), ["two signalled"]);
  const third = record({ containers: { ...waiting, two: ended, app: ended } });
  assert.equal(phases(stopping(third, sidecars, { nowMs: 1 })), ["one signalled"]);
});

stops("sidecars whose turn does not come get two seconds after the grace period", () => {
  const waiting = { one: inPhase("turn"), two: ended };
  const state = record({ containers: { ...waiting, app: inPhase("killed") } });
  const [order] = stopping(state, sidecars, { nowMs: 30_000 }).orders;
  assert.is(order?.stop.phase, "signalled");
  assert.is(order?.stop.deadlineMs, 32_000);
});

stops("stopContainer() keeps the cause that the end began with", () => {
  const options = {};
  const [ref] = refs(pod(options), "containers");
  assert.ok(ref);
  const state = record({ containers: { app: inPhase("turn", { cause: "livenessProbe" }) } });
  const wish = { cause: "podEnds", graceMs: 30_000, nowMs: 5, isItsTurn: true } as const;
  const [order] = stopContainer(ref, state, wish).orders;
  assert.is(order?.stop.cause, "livenessProbe");
  assert.is(order?.stop.phase, "signalled");
});

stops.run();
