// Which pod is looked at next, and when one that was refused is looked at again.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { SchedulingQueue } from "../../../src/scheduler/scheduling-queue.ts";

function put(queue: SchedulingQueue, uid: string, priority = 0, created = ""): void {
  queue.put({ uid, priority, created });
}

/** All that are to be looked at now, in their order. */
function takeAll(queue: SchedulingQueue, nowMs = 0): readonly string[] {
  const taken: string[] = [];
  for (let uid = queue.take(nowMs); uid !== undefined; uid = queue.take(nowMs)) taken.push(uid);
  return taken;
}

const always = (): boolean => true;

const order = suite("SchedulingQueue");

order("the most important first, then the one that waits longest", () => {
  const queue = new SchedulingQueue();
  put(queue, "young", 0, "2026-01-01T00:00:02Z");
  put(queue, "old", 0, "2026-01-01T00:00:01Z");
  put(queue, "old, came later", 0, "2026-01-01T00:00:01Z");
  put(queue, "vip", 7, "2026-01-01T00:00:09Z");
  assert.equal(takeAll(queue), ["vip", "old", "old, came later", "young"]);
});

order("a pod that comes in between has its turn by its importance", () => {
  const queue = new SchedulingQueue();
  put(queue, "a");
  put(queue, "b");
  assert.is(queue.take(0), "a");
  put(queue, "vip", 1);
  assert.equal(takeAll(queue), ["vip", "b"]);
});

order("who is gone is not looked at, and who came twice is once", () => {
  const queue = new SchedulingQueue();
  for (const uid of ["a", "b", "a"]) put(queue, uid);
  queue.remove("b");
  queue.remove("b");
  assert.equal(takeAll(queue), ["a"]);
  assert.is(queue.size, 1);
  queue.remove("a");
  assert.is(queue.size, 0);
});

const again = suite("SchedulingQueue after a refusal");

function refusedAt(queue: SchedulingQueue, uid: string, nowMs: number): void {
  assert.is(queue.take(nowMs), uid);
  queue.refused(uid, nowMs);
}

again("a refused pod waits until something may help it", () => {
  const queue = new SchedulingQueue();
  put(queue, "a");
  refusedAt(queue, "a", 0);
  put(queue, "b");
  refusedAt(queue, "b", 0);
  assert.is(queue.take(1_000_000), undefined);
  assert.is(queue.nextMs(), undefined);
  queue.move(5, (uid) => uid === "b");
  assert.equal(takeAll(queue, 5), ["b"]);
});

again("the first time at once, then after one second, two, up to ten", () => {
  const queue = new SchedulingQueue();
  put(queue, "a");
  refusedAt(queue, "a", 0);
  let nowMs = 0;
  for (const waitMs of [0, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
    queue.move(nowMs, always);
    if (waitMs > 0) {
      assert.is(queue.nextMs(), nowMs + waitMs);
      assert.is(queue.take(nowMs + waitMs - 1), undefined);
    }
    nowMs += waitMs;
    refusedAt(queue, "a", nowMs);
  }
});

again("a back-off that is over by itself is no reason to wait", () => {
  const queue = new SchedulingQueue();
  put(queue, "a");
  refusedAt(queue, "a", 0);
  queue.move(0, always);
  refusedAt(queue, "a", 0);
  queue.move(1000, always);
  assert.is(queue.take(1000), "a");
});

again("a pod that is changed is looked at without waiting", () => {
  const queue = new SchedulingQueue();
  put(queue, "a");
  refusedAt(queue, "a", 0);
  queue.move(0, always);
  refusedAt(queue, "a", 0);
  queue.move(0, always);
  put(queue, "a");
  assert.equal(takeAll(queue), ["a"]);
  assert.is(queue.nextMs(), undefined);
});

again("who changes while it is looked at is looked at again", () => {
  const queue = new SchedulingQueue();
  put(queue, "a");
  assert.is(queue.take(0), "a");
  put(queue, "a");
  queue.refused("a", 0);
  assert.is(queue.take(0), "a");
});

order.run();
again.run();
