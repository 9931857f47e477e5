import { suite } from "uvu";
import * as assert from "uvu/assert";
import { StartTimings } from "../../../src/pod/start-timings.ts";

const test = suite("StartTimings");

test("tells when each step ended, counted from the request", () => {
  let nowMs = 1000;
  const timings = new StartTimings(() => nowMs);
  timings.begin(998);
  timings.mark("stored");
  nowMs = 1010.5;
  timings.mark("launched");
  assert.equal(timings.steps, [
    { step: "stored", atMs: 2 },
    { step: "launched", atMs: 12.5 },
  ]);
});

test("keeps nothing of a pod that came otherwise, and no more than 64 steps", () => {
  const adopted = new StartTimings();
  adopted.mark("launched");
  assert.equal(adopted.steps, []);
  const long = new StartTimings();
  long.begin(0);
  for (let index = 0; index < 100; index++) long.mark(`step ${index}`);
  assert.is(long.steps.length, 64);
});

test.run();
