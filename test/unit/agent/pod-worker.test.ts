import { suite } from "uvu";
import * as assert from "uvu/assert";
import { PodWorker } from "../../../src/agent/pod-worker.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { createLogger } from "../../../src/base/log.ts";

const worker = suite("PodWorker");
const log = createLogger("silent");

/** A clock whose timers run when the test says so. */
function fakeClock(): Clock & { readonly delays: number[]; fire(): void } {
  const timers: (() => void)[] = [];
  const delays: number[] = [];
  return {
    delays,
    now: () => 1000,
    monotonic: () => 1000,
    after(delayMs, run) {
      delays.push(delayMs);
      timers.push(run);
      return () => void timers.splice(timers.indexOf(run), 1);
    },
    fire: () => timers.shift()?.(),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

worker("keeps one of all wake-ups that come during a sync", async () => {
  let rounds = 0;
  const gate = Promise.withResolvers<void>();
  const subject = new PodWorker({
    clock: fakeClock(),
    log,
    onRemoved: () => assert.unreachable(),
    sync: async () => {
      rounds++;
      if (rounds === 1) await gate.promise;
      return { isRemoved: false };
    },
  });
  subject.wake();
  await turn();
  subject.wake();
  subject.wake();
  subject.wake();
  gate.resolve();
  await turn();
  assert.is(rounds, 2);
  await subject.close();
});

worker("syncs again at the time that the last round asked for", async () => {
  let rounds = 0;
  const clock = fakeClock();
  const subject = new PodWorker({
    clock,
    log,
    onRemoved: () => assert.unreachable(),
    sync: async () => {
      rounds++;
      return rounds === 1 ? { wakeAtMs: 6000, isRemoved: false } : { isRemoved: false };
    },
  });
  subject.wake();
  await turn();
  assert.equal(clock.delays, [5000]);
  clock.fire();
  await turn();
  assert.is(rounds, 2);
  await subject.close();
});

worker("retries a round that threw, later each time", async () => {
  const clock = fakeClock();
  const subject = new PodWorker({
    clock,
    log,
    onRemoved: () => assert.unreachable(),
    sync: () => Promise.reject(new Error("no")),
  });
  subject.wake();
  for (let i = 0; i < 3; i++) {
    await turn();
    clock.fire();
  }
  await turn();
  assert.equal(clock.delays, [1000, 2000, 4000, 8000]);
  await subject.close();
});

worker("tells when the pod is gone, and does nothing after that", async () => {
  let rounds = 0;
  let isRemoved = false;
  const subject = new PodWorker({
    clock: fakeClock(),
    log,
    onRemoved: () => {
      isRemoved = true;
    },
    sync: async () => {
      rounds++;
      return { isRemoved: true };
    },
  });
  subject.wake();
  await turn();
  subject.wake();
  await turn();
  assert.ok(isRemoved);
  assert.is(rounds, 1);
});

worker.run();
