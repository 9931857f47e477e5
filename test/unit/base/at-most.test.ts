import { suite } from "uvu";
import * as assert from "uvu/assert";
import { atMost } from "../../../src/base/at-most.ts";
import type { Clock } from "../../../src/base/clock.ts";

const bounded = suite("atMost()");

function fakeClock(): Clock & { fire(): void; readonly isArmed: () => boolean } {
  let timer: (() => void) | undefined;
  return {
    now: () => 0,
    monotonic: () => 0,
    after(_delayMs, run) {
      timer = run;
      return () => {
        timer = undefined;
      };
    },
    fire: () => timer?.(),
    isArmed: () => timer !== undefined,
  };
}

bounded("passes a result on and cancels the timer", async () => {
  const clock = fakeClock();
  assert.is(await atMost(clock, 10, Promise.resolve(7)), 7);
  assert.not(clock.isArmed());
});

bounded("passes an error on", async () => {
  try {
    await atMost(fakeClock(), 10, Promise.reject(new Error("no")));
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, "no");
  }
});

bounded("gives up when the time is over, and a late error harms nobody", async () => {
  const clock = fakeClock();
  const work = Promise.withResolvers<number>();
  const result = atMost(clock, 10, work.promise);
  clock.fire();
  assert.is(await result, undefined);
  work.reject(new Error("late"));
});

bounded.run();
