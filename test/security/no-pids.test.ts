// Promise: a machine that has no process ids left is told of by what cannot be done; the daemon lives, pods can be looked
// at and deleted, and when there are ids again everything goes on by itself (security: C-12). Only in a guest.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArmedPods } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { execByApi } from "../support/exec-by-api.ts";
import { withoutPids } from "../support/few-pids.ts";
import { testImage } from "../support/instance.ts";
import { sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "guest");

const none = suite("a machine without process ids");
let armed: ArmedPods;

none.before(async () => {
  armed = await ArmedPods.start("busybox");
});

/** The end of an import: its images, or the Status that says why not. */
async function load(): Promise<string> {
  const query = { path: testImage("testbox") };
  const lines = await armed.pods.client.text("POST", "/nspod/v1/images/load", { query });
  return lines.trimEnd().split("\n").at(-1) ?? "";
}

none(
  "says so of what it cannot do, lives, and goes on when it has some again",
  withDeadline(60_000, async () => {
    const { pods } = armed;
    // The node says that it has few ids left.
    const main = { containers: [sleeper("main")], tolerations: [{ operator: "Exists" }] } as const;
    const before = await pods.up("before", main);
    await pods.up("going", main);
    const here = async (): Promise<string> =>
      (await execByApi(pods.client, "before", ["echo", "here"])).text;
    assert.is(await here(), "here\n");
    await withoutPids(async () => {
      assert.match(
        await here().catch(String),
        /^PodError: Cannot run "echo" in container "main": clone3 failed with EAGAIN \(/,
      );
      assert.match(
        await load(),
        /"message":"Cannot import image \\"testbox.tar\\": cannot start the image helper: EAGAIN \(/,
      );
      await pods.create("late", main);
      await eventually("an event that says why", 20_000, async () => {
        const events = await pods.events("late");
        const told = events.some(
          ({ type, message = "" }) =>
            type === "Warning" && /clone3 failed with EAGAIN \(/.test(message),
        );
        return told || undefined;
      });
      await pods.delete("going");
      assert.is((await pods.list()).length, 2);
    });
    assert.is(await here(), "here\n");
    assert.match(await load(), /^\{"images":/);
    const late = await pods.until("late", "it to run", (pod) => statusOf(pod, "main").ready);
    assert.is(statusOf(late, "main").restartCount, 0);
    const after = statusOf(await pods.get("before"), "main");
    assert.is(after.containerID, statusOf(before, "main").containerID);
    await pods.delete("before", "late");
  }),
);

none(
  "leaves nothing",
  withDeadline(60_000, async () => await armed.close()),
);

none.run();
