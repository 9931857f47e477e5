// When an idle daemon ends, on a clock in the hands of the test.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../../../src/base/clock.ts";
import { IdleWatch } from "../../../src/daemon/idle.ts";

class FakeClock implements Clock {
  #time = 0;
  #timers: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#time;
  }

  monotonic(): number {
    return this.#time;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { at: this.#time + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  get timers(): number {
    return this.#timers.length;
  }

  pass(ms: number): void {
    const end = this.#time + ms;
    for (;;) {
      const [next] = this.#timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#time = next.at;
      next.run();
    }
    this.#time = end;
  }
}

const idle = suite("IdleWatch");
let clock: FakeClock;
let isEmpty: boolean;
let ends: number;
let watch: IdleWatch;

idle.before.each(() => {
  clock = new FakeClock();
  isEmpty = true;
  ends = 0;
  const onIdle = (): void => {
    ends++;
  };
  watch = new IdleWatch({ clock, idleMs: 1000, isEmpty: () => isEmpty, onIdle });
});

idle("ends a daemon that nobody ever connected to", () => {
  clock.pass(999);
  assert.is(ends, 0);
  clock.pass(1);
  assert.is(ends, 1);
  assert.is(clock.timers, 0);
});

idle("counts from the end of the last connection", () => {
  watch.connections(1);
  clock.pass(5000);
  watch.connections(2);
  watch.connections(1);
  watch.connections(0);
  clock.pass(900);
  watch.connections(1);
  watch.connections(0);
  clock.pass(900);
  assert.is(ends, 0);
  clock.pass(100);
  assert.is(ends, 1);
});

idle("waits while there are pods", () => {
  isEmpty = false;
  clock.pass(3500);
  assert.is(ends, 0);
  isEmpty = true;
  clock.pass(500);
  assert.is(ends, 1);
});

idle("leaves no timer behind", () => {
  watch[Symbol.dispose]();
  watch.connections(0);
  assert.is(clock.timers, 0);
});

idle.run();
