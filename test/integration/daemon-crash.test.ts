// Promise: kill -9 of the daemon at any point loses no pod, no exit code, no log byte and leaks
// nothing; the next daemon adopts what runs (security: C-01).
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { Instance } from "../support/instance.ts";
import { daemonPid, getPod, getPods, load, manifest, start } from "../support/manifest.ts";
import { shell } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const crash = suite("kill -9 of the daemon");
let instance: Instance;

crash.before.each(async () => {
  instance = await Instance.start();
  await load(instance, "busybox");
});
crash.after.each(async () => {
  await instance.close();
});

async function killDaemon(): Promise<void> {
  process.kill(await daemonPid(instance), "SIGKILL");
}

crash(
  "running containers go on, and what they wrote meanwhile is in the log",
  withDeadline(60_000, async () => {
    const line =
      "i=0; while [ $i -lt 300 ]; do echo line-$i; i=$((i+1)); usleep 10000; done; sleep 60";
    await start(instance, manifest("writer", { containers: [shell("a", line)] }));
    const before = await getPod(instance, "writer");
    await killDaemon();
    const after = await eventually("the last line", 30_000, async () => {
      const text = await instance.must(["logs", "writer"]);
      return text.includes("line-299\n") ? text : undefined;
    });
    const expected = Array.from({ length: 300 }, (_, index) => `line-${index}\n`).join("");
    assert.is(after, expected);
    // The same container, that started when it was said to have started.
    const { status } = await getPod(instance, "writer");
    assert.ok(status?.containerStatuses?.[0]?.state?.running);
    assert.equal(status.containerStatuses, before.status?.containerStatuses);
  }),
);

crash(
  "exit codes of containers that end while there is no daemon are exact",
  withDeadline(60_000, async () => {
    const containers = [0, 1, 7, 255].map((code) => shell(`exit-${code}`, `sleep 1; exit ${code}`));
    const marker = `6464${process.pid % 1000}`;
    containers.push(shell("killed", `sleep ${marker}`));
    await start(instance, manifest("exits", { restartPolicy: "Never", containers }));
    await killDaemon();
    for (const pid of pidsWith(marker)) process.kill(pid, "SIGKILL");
    const pod = await eventually("the pod's end", 30_000, async () => {
      const found = await getPod(instance, "exits");
      return found.status?.phase === "Failed" ? found : undefined;
    });
    const codes = pod.status?.containerStatuses?.map(({ name, state }) => [
      name,
      state?.terminated?.exitCode,
      state?.terminated?.signal,
    ]);
    assert.equal(codes, [
      ["exit-0", 0, undefined],
      ["exit-1", 1, undefined],
      ["exit-7", 7, undefined],
      ["exit-255", 255, undefined],
      ["killed", 137, 9],
    ]);
  }),
);

crash(
  "at random points of starts and deletions nothing is lost and nothing is left",
  withDeadline(240_000, async () => {
    const names = Array.from({ length: 12 }, (_, index) => `pod-${index}`);
    const pods = names.map((name) => manifest(name, { containers: [shell("a", "sleep 1000")] }));
    // Each round kills the daemon a little later than the one before, while a pod is being made.
    for (const [index, text] of pods.entries()) {
      const pid = await daemonPid(instance);
      const request = instance.nspod(["run", "-d", "-"], { input: text });
      setTimeout(() => kill(pid), index * 12);
      await request;
    }
    const created = await eventually("every stored pod to run", 60_000, async () => {
      const all = await getPods(instance);
      return all.every(({ status }) => status?.phase === "Running") ? all : undefined;
    });
    const addresses = created.map(({ status }) => status?.podIP);
    assert.is(new Set(addresses).size, created.length);
    for (const [index, { metadata }] of created.entries()) {
      const pid = await daemonPid(instance);
      const request = instance.nspod(["delete", "pod", metadata.name, "--wait=false"]);
      setTimeout(() => kill(pid), index * 6);
      await request;
    }
    await instance.must(["delete", "pods", "--all"], { timeoutMs: 60_000 });
    assert.equal(await getPods(instance), []);
    // close() takes the leak census.
  }),
);

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

crash.run();
