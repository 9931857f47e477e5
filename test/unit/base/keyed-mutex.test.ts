import { suite } from "uvu";
import * as assert from "uvu/assert";
import { KeyedMutex } from "../../../src/base/keyed-mutex.ts";

const mutex = suite("KeyedMutex");

mutex("runs work of one key in order, one at a time", async () => {
  const locks = new KeyedMutex();
  const events: string[] = [];
  const first = Promise.withResolvers<void>();
  const one = locks.run("a", async () => {
    events.push("one begins");
    await first.promise;
    events.push("one ends");
  });
  const two = locks.run("a", () => void events.push("two"));
  await locks.run("b", () => void events.push("other key"));
  first.resolve();
  await Promise.all([one, two]);
  assert.equal(events, ["one begins", "other key", "one ends", "two"]);
});

mutex("goes on after work that failed, and passes its error on", async () => {
  const locks = new KeyedMutex();
  const failed = locks.run("a", () => Promise.reject(new Error("no")));
  const next = locks.run("a", () => 7);
  try {
    await failed;
    assert.unreachable();
  } catch (error) {
    assert.is((error as Error).message, "no");
  }
  assert.is(await next, 7);
});

mutex.run();
