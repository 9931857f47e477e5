// Promise: limits are enforced: memory, CPU and number of processes (cgroup v2 with controllers).
import { existsSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { Instance } from "../support/instance.ts";
import { getPod, load, manifest, start } from "../support/manifest.ts";
import { pidsWith } from "../support/processes.ts";
import { cgroup2MountPoint, requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root", "cgroup2:memory", "cgroup2:cpu", "cgroup2:pids");

const limits = suite("limits");
let instance: Instance;

limits.before.each(async () => {
  instance = await Instance.start();
  await load(instance, "testbox");
});
limits.after.each(async () => {
  await instance.close();
});

async function hasEnded(name: string): Promise<void> {
  await eventually("the pod's end", 120_000, async () => {
    const phase = (await getPod(instance, name)).status?.phase;
    return phase === "Succeeded" || phase === "Failed" ? phase : undefined;
  });
}

function box(...command: string[]) {
  return { name: "box", image: "nspod/testbox", command };
}

limits(
  "a memory hog ends OOMKilled with 137, a plain kill does not",
  withDeadline(180_000, async () => {
    const resources = { limits: { memory: "32Mi" } };
    const hog = { ...box("hog", "256"), resources };
    const marker = `7373${process.pid % 1000}`;
    const killed = { ...box("sleep", marker), name: "killed" };
    const text = manifest("hog", { restartPolicy: "Never", containers: [hog, killed] });
    await start(instance, text);
    for (const pid of pidsWith(marker)) process.kill(pid, "SIGKILL");
    await hasEnded("hog");
    const statuses = (await getPod(instance, "hog")).status?.containerStatuses ?? [];
    const ends = statuses.map(({ name, state }) => [
      name,
      state?.terminated?.reason,
      state?.terminated?.exitCode,
    ]);
    assert.equal(ends, [
      ["box", "OOMKilled", 137],
      ["killed", "Error", 137],
    ]);
    const why = await instance.must(["why", "hog"]);
    // Linux 5.19 and newer; older ones do not tell.
    const peak = existsSync(join(cgroup2MountPoint() ?? "", instance.cgroup, "memory.peak"))
      ? " \\(it had 3[12](\\.\\d)?Mi at its peak\\)"
      : "";
    assert.match(why, new RegExp(`It needed more memory than its limit of 32Mi${peak}: raise`));
  }),
);

limits(
  "cpu.max holds a busy loop to its share within 10 %",
  withDeadline(180_000, async () => {
    const resources = { limits: { cpu: "500m" } };
    const containers = [{ ...box("burn", "10"), resources }];
    const text = manifest("burn", { restartPolicy: "Never", containers });
    await instance.must(["run", "-d", "-"], { input: text });
    await hasEnded("burn");
    const log = await instance.must(["logs", "burn"]);
    const [wall, cpu] = ["wall_us", "cpu_us"].map((key) =>
      Number(new RegExp(`${key}[= ]+(\\d+)`).exec(log)?.[1]),
    );
    const share = (cpu ?? 0) / (wall ?? 1);
    assert.ok(share > 0.45 && share < 0.55, `share ${share} of one CPU: ${log}`);
  }),
);

limits(
  "a fork bomb stops at pids.max, and the pod can still be deleted",
  withDeadline(180_000, async () => {
    const text = manifest("forks", { restartPolicy: "Never", containers: [box("forks", "10000")] });
    await instance.must(["run", "-d", "-"], { input: text });
    const count = await eventually("the last fork", 120_000, async () => {
      const log = await instance.nspod(["logs", "forks"]);
      const found = /forked=(\d+)/.exec(log.stdout)?.[1];
      return found === undefined ? undefined : Number(found);
    });
    assert.ok(count > 1000 && count <= 4096, `${count} processes`);
    await instance.must(["delete", "pod", "forks"], { timeoutMs: 120_000 });
  }),
);

limits.run();
