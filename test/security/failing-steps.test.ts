// Promise: a step that fails is told and tried again, and nothing is half done: a pod starts, ends with its exit code and
// goes, whatever the disk or the kernel refuses once (security: C-06, C-13).
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { FailpointName } from "../../src/base/failpoint-table.ts";
import type { Pod, PodSpec } from "../../src/spec/pod.ts";
import { ArmedPods } from "../support/armed-daemon.ts";
import { type Pods, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { withDeadline } from "../support/with-deadline.ts";

requires("root");

const failing = suite("a step that fails");
let armed: ArmedPods;
let pods: Pods;

failing.before(async () => {
  armed = await ArmedPods.start("busybox");
  pods = armed.pods;
});

/** Each of these fails the first time. */
function failingOnce(code: string, names: readonly FailpointName[]): string {
  return names.map((name) => `${name}=error(${code}):1`).join(";");
}

const lasting: PodSpec = {
  volumes: [{ name: "scratch", emptyDir: {} }],
  containers: [sleeper("main", { volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] })],
};

// The launch goes on beside the steps after it, and of two failures in one try one is told: each list has one of them.
const startSteps: Readonly<Record<string, readonly FailpointName[]>> = {
  ENOSPC: [
    "net/ipam.reserve",
    "cgroup/hierarchy.create",
    "pod/sandbox.folders",
    "volume/prepare.volume",
    "pod/sandbox.host-files",
    "pod/sandbox.rules",
    "pod/sandbox-steps.connect",
  ],
  EMFILE: ["net/ipam.reserve", "cgroup/hierarchy.create", "shim/launch.spawn"],
};

for (const [code, steps] of Object.entries(startSteps)) {
  failing(
    `of a sandbox is told, undone and tried again: ${code}`,
    withDeadline(60_000, async () => {
      await armed.next(failingOnce(code, steps));
      // Each try fails at the next step: several pods share the pauses between tries.
      const names = ["one", "two", "three", "four"].map((name) => `${name}-${code.toLowerCase()}`);
      for (const name of names) await pods.create(name, lasting);
      for (const name of names) {
        const isReady = (pod: Pod): boolean => statusOf(pod, "main").ready;
        const pod = await pods.until(name, "it to run", isReady, 50_000);
        assert.is(statusOf(pod, "main").restartCount, 0);
      }
      const told = (await Promise.all(names.map((name) => pods.events(name)))).flat();
      for (const step of steps) {
        const event = told.find(({ message }) => message.includes(`${code}: fail point ${step}`));
        assert.is(event?.type, "Warning", `${step} was told`);
      }
      await pods.delete(...names);
    }),
  );
}

const deleteSteps: readonly FailpointName[] = [
  "cgroup/hierarchy.kill",
  "pod/sandbox.stop-rules",
  "pod/sandbox.stop-shim",
  "cgroup/hierarchy.remove",
  "pod/sandbox.stop-folder",
  "net/ipam.release",
  "sys/trash.discard",
  "pod/remove-pod.record",
  "agent/agent.object",
];

failing(
  "of a deletion is tried again, until nothing is left",
  withDeadline(60_000, async () => {
    const names = ["one", "two", "three", "four"];
    for (const name of names) await pods.up(name, lasting);
    const daemon = await armed.next(failingOnce("EIO", deleteSteps));
    await pods.instance.must(["delete", "pods", "--all", "--now"], { timeoutMs: 50_000 });
    for (const step of deleteSteps) {
      assert.ok(daemon.log.includes(`EIO: fail point ${step}`), `${step} was logged`);
    }
    const census = await pods.instance.nspod(["system", "census"]);
    assert.is(census.code, 0, census.stdout);
  }),
);

failing(
  "leaves nothing",
  withDeadline(60_000, async () => await armed.close()),
);

failing.run();
