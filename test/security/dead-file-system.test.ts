// Promise: a file system that does not answer any more is the matter of the pods that name it: the daemon answers, other
// pods start and go, a killed daemon is followed by the next one, and what waits is told (security: NODE-02, C-21).
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { PodSpec } from "../../src/spec/pod.ts";
import { ArmedPods } from "../support/armed-daemon.ts";
import { DeadDisk } from "../support/dead-disk.ts";
import { eventually } from "../support/eventually.ts";
import { type Pods, shell, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "file:/dev/fuse");

const dead = suite("a file system that does not answer");
let armed: ArmedPods;
let pods: Pods;
let disk: DeadDisk;

const reaches = "echo ready; until [ -e /go ]; do usleep 10000; done; cat /v/file";

dead.before(async () => {
  armed = await ArmedPods.start("busybox");
  pods = armed.pods;
  try {
    disk = await DeadDisk.start(join(pods.instance.base, "dead"));
  } catch (error) {
    console.error(error);
    throw error;
  }
});

function on(path: string, script = "exec sleep 1000"): PodSpec {
  const main = shell("main", script, { volumeMounts: [{ name: "v", mountPath: "/v" }] });
  return { volumes: [{ name: "v", hostPath: { path } }], containers: [main] };
}

/** What everybody can go on with, all of it in the time that the API takes for nothing. */
async function othersGoOn(name: string): Promise<void> {
  assert.ok((await pods.list()).length > 0);
  await pods.up(name, on(pods.instance.base));
  assert.is(await pods.ask(name, "echo here"), "here");
  await pods.delete(name);
}

const waiting = Array.from({ length: 4 }, (_, index) => `waits-${index}`);

dead(
  "holds up nobody but the pods that name it",
  withDeadline(60_000, async () => {
    const path = join(disk.path, "data");
    await Promise.all([pods.up("user", on(path)), pods.up("stuck", on(path, reaches))]);
    await pods.untilLogged("stuck", "main", "ready");
    disk.die();
    await pods.ask("stuck", "touch /go");
    await eventually("its container to ask", 10_000, () =>
      disk.unanswered > 0 ? true : undefined,
    );
    await pods.deleteObject("Pod", "stuck");
    for (const name of waiting) await pods.create(name, on(path));
    await eventually("the daemon to ask", 10_000, () => (disk.unanswered > 1 ? true : undefined));
    await othersGoOn("beside");
    await pods.until(waiting[0] ?? "", "what it waits for", (pod) => {
      const { state } = statusOf(pod, "main");
      return /does not answer/.test(state?.waiting?.message ?? "");
    });
  }),
);

dead(
  "leaves the lock to the next daemon, which has what ran",
  withDeadline(60_000, async () => {
    await armed.next();
    await othersGoOn("after");
    assert.is(await pods.ask("user", "echo here"), "here");
    const status = statusOf(await pods.get("user"), "main");
    assert.is(status.restartCount, 0);
    assert.ok(status.state?.running);
  }),
);

dead(
  "is told of a pod that does not end",
  withDeadline(60_000, async () => {
    const told = await eventually("the event that says so", 30_000, async () => {
      const events = await pods.events("stuck");
      return events.find(({ reason }) => reason === "FailedKillPod");
    });
    assert.is(told.type, "Warning");
    assert.match(told.message, "Processes of container main do not end after SIGKILL");
    assert.ok((await pods.get("stuck")).metadata.deletionTimestamp);
  }),
);

dead(
  "lets go when it has gone, and nothing is left",
  withDeadline(60_000, async () => {
    await disk[Symbol.asyncDispose]();
    await pods.delete("user", ...waiting);
    await eventually("the end of the pod that waited", 30_000, async () =>
      (await pods.list()).length === 0 ? true : undefined,
    );
    await armed.close();
  }),
);

dead.run();
