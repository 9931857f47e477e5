import { suite } from "uvu";
import * as assert from "uvu/assert";
import { exitReason, findAttempt, startOf, withExit, withLoss } from "../../../src/pod/exits.ts";
import { attempt, record } from "./fixtures.ts";

const exits = suite("exits");

const running = attempt({ state: "running", startedAtMs: 100 });
const state = record({ containers: { app: { restartCount: 0, current: running } } });

const exit = {
  id: running.id,
  pid: 100,
  exitCode: 137,
  signal: 9,
  oomKilled: false,
  startedAtMs: 100,
  finishedAtMs: 900,
};

exits("exitReason() tells OOMKilled from a plain SIGKILL", () => {
  assert.is(exitReason({ exitCode: 0, oomKilled: false }), "Completed");
  assert.is(exitReason({ exitCode: 137, oomKilled: false }), "Error");
  assert.is(exitReason({ exitCode: 137, oomKilled: true }), "OOMKilled");
});

exits("findAttempt() knows attempts by id only", () => {
  assert.is(findAttempt(state, running.id)?.name, "app");
  assert.is(findAttempt(state, "0".repeat(64)), undefined);
});

exits("withExit() keeps code, signal and times, and begins a back-off", () => {
  const changed = withExit(state, "app", { attempt: running, exit, message: "bye" });
  const { current, backOff } = changed.containers["app"] ?? {};
  assert.is(current?.state, "exited");
  assert.is(current?.exitCode, 137);
  assert.is(current?.signal, 9);
  assert.is(current?.reason, "Error");
  assert.is(current?.message, "bye");
  assert.is(current?.finishedAtMs, 900);
  assert.is(backOff?.delayMs, 0);
});

exits("the start that was told stays, and comes before the end", () => {
  const creating = attempt({ state: "creating", startedAtMs: 0 });
  assert.is(startOf(running, { startedAtMs: 95 }), 100);
  assert.is(startOf(creating, { startedAtMs: 95 }), 95);
  for (const [begun, finishedAtMs, expected] of [
    [running, 900, 100],
    [running, 98, 98],
    [creating, 900, 95],
  ] as const) {
    const late = { ...exit, startedAtMs: 95, finishedAtMs };
    const { containers } = withExit(state, "app", { attempt: begun, exit: late, message: "" });
    assert.is(containers["app"]?.current?.startedAtMs, expected);
  }
});

exits("withExit() keeps the peak of memory where there is one", () => {
  const oom = { attempt: running, exit: { ...exit, oomKilled: true }, message: "" };
  const peak = { ...oom, memoryPeakBytes: 64 << 20 };
  const told = withExit(state, "app", peak).containers["app"]?.current;
  assert.equal([told?.reason, told?.memoryPeakBytes], ["OOMKilled", 64 << 20]);
  const untold = withExit(state, "app", oom).containers["app"]?.current ?? {};
  assert.not("memoryPeakBytes" in untold);
});

exits("withLoss() ends what ran and leaves what had exited", () => {
  const before = attempt({ state: "exited", exitCode: 3, reason: "Error" });
  const two = record({
    containers: {
      a: { restartCount: 0, current: running },
      b: { restartCount: 0, current: before },
    },
  });
  const changed = withLoss(two, { nowMs: 5000, reason: "ShimLost", message: "lost" });
  assert.is(changed.containers["a"]?.current?.reason, "ShimLost");
  assert.is(changed.containers["a"]?.current?.exitCode, 137);
  assert.equal(changed.containers["b"]?.current, before);
});

exits.run();
