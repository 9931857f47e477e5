// Promise: packet rules that the kernel changes slowly, because somebody else changes many, hold up the pods that wait for
// theirs: those that run are probed and answered meanwhile, and pods can be deleted (security: C-26).
import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { deletePod, waitUntilGone } from "../../src/cli/delete-pod.ts";
import { ArmedPods } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { patient } from "../support/patience.ts";
import { sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const slow = suite("packet rules that take long");
let armed: ArmedPods;

slow.before(async () => {
  armed = await ArmedPods.start("busybox");
});

slow(
  "hold up who waits for them, no probe and no answer, and come in order",
  withDeadline(90_000, async () => {
    const { pods } = armed;
    const delayMs = Math.min(Math.round(patient(6_000)), 60_000);
    await armed.next(`net/firewall.change=delay(${delayMs}):2`);
    const probe = { exec: { command: ["test", "-e", "/ready"] }, periodSeconds: 1 };
    await pods.up("probed", { containers: [sleeper("main", { readinessProbe: probe })] });
    const late = ["late", "deleted"];
    for (const name of late) {
      await pods.create(name, { containers: [sleeper("main")] });
      const { metadata } = await pods.get(name);
      // Written right before its rules: the first one's take long, and the second one's come after them.
      const hosts = join(pods.instance.run, "pods", metadata.uid, "etc/hosts");
      await eventually("its rules", 10_000, () => (existsSync(hosts) ? true : undefined));
    }
    const deleted = await pods.get("deleted");
    await deletePod(pods.client, deleted, 0);

    await pods.ask("probed", "touch /ready");
    await pods.until("probed", "its probe", (pod) => statusOf(pod, "main").ready);
    for (const name of late) {
      const { state } = statusOf(await pods.get(name), "main");
      assert.is(state?.running, undefined, `${name} did not wait for its rules`);
    }

    const isReady = (pod: Parameters<typeof statusOf>[0]): boolean => statusOf(pod, "main").ready;
    const pod = await pods.until("late", "it to run", isReady, 60_000);
    assert.is(statusOf(pod, "main").restartCount, 0);
    const deadline = AbortSignal.timeout(patient(30_000));
    assert.ok(await waitUntilGone(pods.client, deleted, deadline));
    await pods.delete("late", "probed");
  }),
);

slow(
  "leaves nothing",
  withDeadline(60_000, async () => await armed.close()),
);

slow.run();
