// The queue of a controller, on a clock of the test: each key once, again at its time, later each time it fails.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createLogger } from "../../../src/base/log.ts";
import { earliest, KeyQueue } from "../../../src/controller/key-queue.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";

const test = suite("KeyQueue");
let clock: FakeClock;
let queue: KeyQueue;
/** Keys in the order in which they were looked at. */
let seen: string[];
/** What a look at a key answers. */
let answer: (key: string) => number | undefined;

test.before.each(() => {
  clock = new FakeClock();
  seen = [];
  answer = () => undefined;
  const reconcile = (key: string): number | undefined => {
    seen.push(key);
    return answer(key);
  };
  queue = new KeyQueue({ clock, log: createLogger("silent"), reconcile });
});

test.after.each(() => {
  queue[Symbol.dispose]();
});

test("looks at each key once, however often it came, in the order of their first coming", async () => {
  for (const key of ["a", "b", "a", "a", "c", "b"]) queue.add(key);
  assert.equal(seen, [], "not before the next turn");
  assert.not(queue.isIdle);
  await settled();
  assert.equal(seen, ["a", "b", "c"]);
  assert.ok(queue.isIdle);
});

test("a key that comes while it is looked at is looked at again", async () => {
  answer = (key) => {
    if (seen.length === 1) queue.add(key);
    return undefined;
  };
  queue.add("a");
  await settled();
  await settled();
  assert.equal(seen, ["a", "a"]);
});

test("many keys leave others their turn", async () => {
  for (let index = 0; index < 250; index++) queue.add(`${index}`);
  await settled();
  assert.is(seen.length, 100);
  await settled();
  await settled();
  assert.is(seen.length, 250);
});

test("looks again at the time that the look asked for, once", async () => {
  const dueMs = clock.now() + 5000;
  answer = () => (clock.now() < dueMs ? dueMs : undefined);
  queue.add("a");
  await settled();
  await clock.pass(4000);
  // Another look in between does not add a second timer.
  queue.add("a");
  await settled();
  assert.is(clock.timers, 1);
  assert.not(queue.isIdle);
  await clock.pass(999);
  assert.is(seen.length, 2);
  await clock.pass(1);
  await settled();
  assert.is(seen.length, 3);
  assert.is(clock.timers, 0);
  assert.ok(queue.isIdle);
});

test("a time that is over is now, and one that is far away is no error of the timer", async () => {
  const far = clock.now() + 2 ** 40;
  answer = () => (seen.length === 1 ? 0 : far);
  queue.add("a");
  await settled();
  await clock.pass(0);
  await settled();
  assert.is(seen.length, 2);
  await clock.pass(2 ** 31 - 2);
  assert.is(seen.length, 2);
  await clock.pass(1);
  await settled();
  assert.is(seen.length, 3);
});

test("what fails is tried again after 5 ms doubling to 5 min, and a success forgets that", async () => {
  let isBroken = true;
  answer = () => {
    if (isBroken) throw new Error("no");
    return undefined;
  };
  queue.add("a");
  await settled();
  let delayMs = 5;
  for (let round = 1; round <= 18; round++) {
    assert.is(seen.length, round);
    await clock.pass(delayMs - 1);
    await settled();
    assert.is(seen.length, round, `before ${delayMs} ms`);
    await clock.pass(1);
    await settled();
    delayMs = Math.min(2 * delayMs, 300_000);
  }
  assert.is(delayMs, 300_000);
  isBroken = false;
  queue.add("a");
  await settled();
  isBroken = true;
  const before = seen.length;
  queue.add("a");
  await settled();
  await clock.pass(5);
  await settled();
  assert.is(seen.length, before + 2);
});

test("does nothing more when it is disposed", async () => {
  answer = () => clock.now() + 10;
  queue.add("a");
  await settled();
  queue.add("b");
  queue[Symbol.dispose]();
  queue.add("c");
  await clock.pass(1000);
  assert.equal(seen, ["a"]);
  assert.is(clock.timers, 0);
});

test("earliest() is the first of the times there are", () => {
  assert.is(earliest(), undefined);
  assert.is(earliest(undefined, undefined), undefined);
  const time = fc.option(fc.nat(), { nil: undefined });
  fc.assert(
    fc.property(fc.array(time), (times) => {
      const first = earliest(...times);
      const known = times.filter((each) => each !== undefined);
      assert.ok(first === undefined ? known.length === 0 : known.includes(first));
      assert.ok(known.every((each) => each >= (first ?? 0)));
    }),
  );
});

test.run();
