import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Inbox } from "../../../src/pod/inbox.ts";

const inboxes = suite("Inbox");

inboxes("hands on what was told, in its order and once", async () => {
  const inbox = new Inbox<number>();
  const taken: number[] = [];
  inbox.push(1);
  inbox.push(2);
  await inbox.drain(async (item) => {
    await Promise.resolve();
    if (item === 1) inbox.push(3);
    taken.push(item);
  });
  await inbox.drain((item) => taken.push(item));
  assert.equal(taken, [1, 2, 3]);
});

inboxes("keeps what could not be taken in, and what came after it", async () => {
  const inbox = new Inbox<number>();
  const taken: number[] = [];
  for (const item of [1, 2, 3]) inbox.push(item);
  const full = new Error("no space");
  try {
    await inbox.drain((item) => {
      if (item === 2) throw full;
      taken.push(item);
    });
    assert.unreachable("the error was swallowed");
  } catch (error) {
    assert.is(error, full);
  }
  await inbox.drain((item) => taken.push(item));
  assert.equal(taken, [1, 2, 3]);
});

inboxes.run();
