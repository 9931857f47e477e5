import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  isDone,
  newProbeState,
  type ProbeKind,
  type ProbeState,
  withAnswer,
} from "../../../src/pod/probe-state.ts";

const fresh = { isStarted: false, isReady: false };

function after(
  kind: ProbeKind,
  thresholds: { readonly successThreshold?: number; readonly failureThreshold?: number },
  answers: readonly boolean[],
  before = fresh,
): ProbeState {
  return answers.reduce(
    (state, answer) => withAnswer(state, thresholds, answer),
    newProbeState(kind, before),
  );
}

const states = suite("withAnswer()");

states("begins alive, not ready and not started", () => {
  assert.is(newProbeState("liveness", fresh).isSuccess, true);
  assert.is(newProbeState("readiness", fresh).isSuccess, false);
  assert.is(newProbeState("startup", fresh).isSuccess, undefined);
});

states("keeps what an earlier daemon knew until a probe says otherwise", () => {
  const known = { isStarted: true, isReady: true };
  assert.is(newProbeState("startup", known).isSuccess, true);
  assert.is(after("readiness", {}, [], known).isSuccess, true);
  assert.is(after("readiness", {}, [false, false], known).isSuccess, true);
  assert.is(after("readiness", {}, [false, false, false], known).isSuccess, false);
});

states(
  "changes the result after three failures in a row by default, at once after a success",
  () => {
    assert.is(after("liveness", {}, [false, false]).isSuccess, true);
    assert.is(after("liveness", {}, [false, false, true, false, false]).isSuccess, true);
    assert.is(after("liveness", {}, [false, false, false]).isSuccess, false);
    assert.is(after("readiness", {}, [true]).isSuccess, true);
  },
);

states("waits for successThreshold answers in a row", () => {
  const two = { successThreshold: 2 };
  assert.is(after("readiness", two, [true]).isSuccess, false);
  assert.is(after("readiness", two, [true, false, true]).isSuccess, false);
  assert.is(after("readiness", two, [true, true]).isSuccess, true);
});

states("a startup probe says nothing before its failureThreshold", () => {
  const many = { failureThreshold: 30 };
  assert.is(after("startup", many, Array(29).fill(false)).isSuccess, undefined);
  assert.is(after("startup", many, Array(30).fill(false)).isSuccess, false);
  assert.is(after("startup", many, [...Array(29).fill(false), true]).isSuccess, true);
});

states(
  "isDone(): startup with its first result, liveness with its first failure, readiness never",
  () => {
    assert.is(isDone(newProbeState("startup", fresh)), false);
    assert.is(isDone(after("startup", {}, [true])), true);
    assert.is(isDone(after("startup", {}, [false, false, false])), true);
    assert.is(isDone(after("liveness", {}, [true])), false);
    assert.is(isDone(after("liveness", {}, [false, false, false])), true);
    assert.is(isDone(after("readiness", {}, [false, false, false])), false);
  },
);

states("the result is that of the last row of equal answers that was long enough", () => {
  const threshold = fc.integer({ min: 1, max: 5 });
  fc.assert(
    fc.property(
      fc.constantFrom<ProbeKind>("startup", "liveness", "readiness"),
      threshold,
      threshold,
      fc.array(fc.boolean(), { maxLength: 30 }),
      (kind, successThreshold, failureThreshold, answers) => {
        const text = answers.map((answer) => (answer ? "s" : "f")).join("");
        const row = new RegExp(`s{${successThreshold},}|f{${failureThreshold},}`, "g");
        const last = text.match(row)?.at(-1)?.[0];
        const expected = last === undefined ? newProbeState(kind, fresh).isSuccess : last === "s";
        const state = after(kind, { successThreshold, failureThreshold }, answers);
        assert.is(state.isSuccess, expected, text);
      },
    ),
  );
});

states.run();
