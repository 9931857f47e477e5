// Promise: kill -9 of a shim kills its containers, the pod says so and restarts by policy (C-03).
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { Instance } from "../support/instance.ts";
import { getPod, load, manifest, start } from "../support/manifest.ts";
import { shell } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const crash = suite("kill -9 of a shim");
let instance: Instance;

crash.before.each(async () => {
  instance = await Instance.start();
  await load(instance, "busybox");
});
crash.after.each(async () => {
  await instance.close();
});

function shimOf(): number {
  const [pid, ...others] = pidsWith("nspod-shim", instance.run);
  assert.equal(others, []);
  assert.ok(pid, "there is one shim");
  return pid ?? 0;
}

crash(
  "the pod is restarted with the same address, and the first attempt ended as ShimLost",
  withDeadline(60_000, async () => {
    const marker = `4242${process.pid % 1000}`;
    await start(instance, manifest("lost", { containers: [shell("a", `sleep ${marker}`)] }));
    const before = await getPod(instance, "lost");
    process.kill(shimOf(), "SIGKILL");
    const after = await eventually("the restart", 30_000, async () => {
      const pod = await getPod(instance, "lost");
      const [container] = pod.status?.containerStatuses ?? [];
      return container?.restartCount === 1 && container.ready ? pod : undefined;
    });
    const [container] = after.status?.containerStatuses ?? [];
    assert.is(container?.lastState?.terminated?.reason, "ShimLost");
    assert.is(container?.lastState?.terminated?.exitCode, 137);
    assert.is(after.status?.podIP, before.status?.podIP);
    assert.is(pidsWith(marker).length, 1, "nothing of the first attempt runs on");
    assert.match(await instance.must(["get", "events"]), /Warning +ShimLost/);
  }),
);

crash(
  "a pod that is never restarted fails",
  withDeadline(60_000, async () => {
    const containers = [shell("a", "sleep 1000")];
    await start(instance, manifest("lost", { restartPolicy: "Never", containers }));
    process.kill(shimOf(), "SIGKILL");
    const pod = await eventually("the failure", 30_000, async () => {
      const found = await getPod(instance, "lost");
      return found.status?.phase === "Failed" ? found : undefined;
    });
    assert.is(pod.status?.containerStatuses?.[0]?.state?.terminated?.reason, "ShimLost");
  }),
);

crash.run();
