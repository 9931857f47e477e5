import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TidyMemory } from "../../../src/daemon/tidy-memory.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const test = suite("TidyMemory");

function tidier(): {
  readonly clock: FakeClock;
  readonly memory: TidyMemory;
  readonly tidied: boolean[];
} {
  const clock = new FakeClock();
  const tidied: boolean[] = [];
  const tidy = (forgetsStart: boolean): Promise<void> => {
    tidied.push(forgetsStart);
    return Promise.resolve();
  };
  return { clock, memory: new TidyMemory({ clock, tidy }), tidied };
}

test("tidies once when work has ended, and not without any", async () => {
  const { clock, memory, tidied } = tidier();
  await clock.pass(60_000);
  assert.is(clock.timers, 0);
  memory.noteWork();
  memory.noteWork();
  await clock.pass(60_000);
  assert.equal(tidied, [false]);
  assert.is(clock.timers, 0);
});

test("waits while there is more, with one timer", async () => {
  const { clock, memory, tidied } = tidier();
  for (let round = 0; round < 10; round++) {
    memory.noteWork();
    assert.is(clock.timers, 1);
    await clock.pass(600);
  }
  assert.equal(tidied, []);
  await clock.pass(2000);
  assert.equal(tidied, [false]);
});

test("forgets the start when it is told to", async () => {
  const { clock, memory, tidied } = tidier();
  await memory.forgetStart();
  assert.equal(tidied, [true]);
  memory.noteWork();
  await clock.pass(5000);
  assert.equal(tidied, [true, false]);
});

test("leaves no timer when it is over", async () => {
  const { clock, memory, tidied } = tidier();
  memory.noteWork();
  memory[Symbol.dispose]();
  memory.noteWork();
  await clock.pass(5000);
  assert.equal(tidied, []);
  assert.is(clock.timers, 0);
});

test.run();
