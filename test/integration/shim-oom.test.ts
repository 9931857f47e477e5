// Promise: a container that was killed because its memory limit was reached says so.
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { cgroup2MountPoint, requires } from "../support/requires.ts";
import { busybox, ShimPod } from "../support/shim-pod.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "cgroup2:memory", "file:/bin/busybox");

const oom = suite("shim oomKilled");
const cgroup = join(cgroup2MountPoint() ?? "", `nspod-shim-${process.pid}`);
let pod: ShimPod;

oom.before.each(async () => {
  // Where systemd delegates nothing, the root's children have no controller until it is asked for.
  writeFileSync(join(cgroup, "../cgroup.subtree_control"), "+memory");
  // Before the pod, whose close() compares what there is with what there was.
  mkdirSync(cgroup);
  pod = await ShimPod.start();
});
oom.after.each(async () => {
  try {
    await pod.close();
    // The cgroup stays busy until the kernel has buried the last process.
    await eventually("the cgroup to be free", 10_000, () => {
      rmdirSync(cgroup);
      return true;
    });
  } catch (error) {
    // uvu counts what a hook throws as a failure and keeps the reason to itself.
    console.error(error);
    throw error;
  }
});

oom(
  "tells a process that was killed for its memory from one that was just killed",
  withDeadline(30_000, async () => {
    writeFileSync(join(cgroup, "memory.max"), String(16 << 20));
    await pod.run("hog", busybox(["tail", "/dev/zero"]), { cgroup });
    const hog = await pod.exitOf("hog");
    assert.equal([hog.exitCode, hog.signal, hog.oomKilled], [137, 9, true]);
    await pod.run("other", "kill -KILL $$", { cgroup });
    const other = await pod.exitOf("other");
    assert.equal([other.exitCode, other.signal, other.oomKilled], [137, 9, false]);
  }),
);

oom.run();
