// Promise: many clients that use the same names get what is true of them at that moment, and nothing else; what is there
// in the end is what was created and not deleted (security: C-16).
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArmedPods } from "../support/armed-daemon.ts";
import { Crowd } from "../support/crowd.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const crowds = suite("twenty clients");
let armed: ArmedPods;

crowds.before(async () => {
  armed = await ArmedPods.start("busybox");
});

crowds(
  "on five names make no mistake",
  withDeadline(100_000, async () => {
    const crowd = new Crowd(armed.pods, ["one", "two", "three", "four", "five"]);
    await crowd.run(20, 600);
    await crowd.settle();
    assert.equal(crowd.mistakes, []);
    assert.equal(crowd.untried, []);
  }),
);

crowds(
  "leave nothing",
  withDeadline(60_000, async () => await armed.close()),
);

crowds.run();
