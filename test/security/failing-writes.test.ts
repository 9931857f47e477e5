// Promise: what happened and could not be written down is not lost: it is written down when that can be done again, and
// what ran goes on (security: C-06).
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Pod, PodSpec } from "../../src/spec/pod.ts";
import { ArmedPods } from "../support/armed-daemon.ts";
import { persist } from "../support/persist.ts";
import { type Pods, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const writes = suite("a write that fails");
let armed: ArmedPods;
let pods: Pods;

writes.before(async () => {
  armed = await ArmedPods.start("busybox");
  pods = armed.pods;
});

const lasting: PodSpec = {
  volumes: [{ name: "scratch", emptyDir: {} }],
  containers: [sleeper("main", { volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] })],
};

writes(
  "to write down an exit is tried again, and the exit code is right",
  withDeadline(60_000, async () => {
    await armed.next();
    const ends = shell("main", "trap 'exit 7' TERM; echo ready; sleep infinity & wait");
    await pods.up("ending", { containers: [ends] });
    await pods.untilLogged("ending", "main", "ready");
    // The first record is that of the adoption.
    const daemon = await armed.next("pod/engine.record=error(ENOSPC):@2");
    const [pid = 0] = await pods.pids("ending", "main");
    process.kill(pid, "SIGTERM");
    const pod = await pods.untilEnded("ending");
    assert.match(daemon.log, /ENOSPC: fail point pod\/engine.record/);
    assert.is(statusOf(pod, "main").state?.terminated?.exitCode, 7);
    await pods.delete("ending");
  }),
);

writes(
  "to write down a start leaves the container as it is",
  withDeadline(60_000, async () => {
    // Accepted, sandbox starting, sandbox ready, container creating, container running.
    const daemon = await armed.next("pod/engine.record=error(ENOSPC):@5");
    await pods.create("written", { restartPolicy: "Never", containers: [sleeper("main")] });
    const pod = await pods.until("written", "it to run", (each) => statusOf(each, "main").ready);
    assert.match(daemon.log, /ENOSPC: fail point pod\/engine.record/);
    assert.is(statusOf(pod, "main").restartCount, 0);
    await pods.delete("written");
  }),
);

writes(
  "to commit anything at all, now and then, stops nothing",
  withDeadline(60_000, async () => {
    const points = Array.from(
      { length: 8 },
      (_, n) => `store/store.commit=error(EIO):@${6 + 9 * n}`,
    );
    const daemon = await armed.next(points.join(";"));
    for (const name of ["one", "two"]) {
      await persist(() => pods.create(name, lasting));
      const isReady = (pod: Pod): boolean => statusOf(pod, "main").ready;
      await pods.until(name, "it to run", isReady, 50_000);
    }
    await persist(() => pods.delete("one", "two"));
    assert.match(daemon.log, /EIO: fail point store\/store.commit/);
  }),
);

writes(
  "leaves nothing",
  withDeadline(60_000, async () => await armed.close()),
);

writes.run();
