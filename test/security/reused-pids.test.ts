// Promise: where process ids are few and come again at once, a command gets into the container that it was meant for or
// nowhere, and no signal reaches anybody else (security: ESC-07, C-29). Of the whole machine, so only in a guest.
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { requires } from "../support/requires.ts";
import { execWhilePidsComeAgain } from "../support/reused-pids.ts";

requires("root", "guest");

const { test, run } = podSuite("process ids that come again", "busybox");

test("commands get where they were sent, and signals reach nobody else", async (pods) => {
  const { answered, wrong, signals, turns } = await execWhilePidsComeAgain(pods, 16);
  assert.equal(wrong, []);
  assert.equal(
    signals.map((each) => each.replace(/ of .*/, "")),
    ["18"],
  );
  assert.ok(answered > 0, `${answered} commands answered`);
  assert.ok(turns > 2, `the ids came again ${turns} times`);
}, 60_000);

run();
