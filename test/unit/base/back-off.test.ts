import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type BackOffState, containerBackOff, nextBackOff } from "../../../src/base/back-off.ts";

const backOff = suite("nextBackOff()");

function delays(count: number, lastedMs: number): number[] {
  let state: BackOffState | undefined;
  return Array.from({ length: count }, () => {
    state = nextBackOff(state, containerBackOff, { nowMs: 0, lastedMs });
    return state.delayMs / 1000;
  });
}

backOff("retries at once, then after 10 s doubling to 5 min", () => {
  assert.equal(delays(9, 100), [0, 10, 20, 40, 80, 160, 300, 300, 300]);
});

backOff("starts again after an attempt that lasted 10 min", () => {
  assert.equal(delays(3, 600_000), [0, 0, 0]);
});

backOff.run();
