// Promise: init containers with restartPolicy Always run beside the containers: the next one begins when they are
// started, they are restarted whatever the pod's policy is, and they end last, in the reverse order.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import type { Container } from "../../src/spec/pod.ts";
import { podSuite } from "../support/pod-suite.ts";
import { shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("sidecars", "busybox");

const volumes = [{ name: "shared", emptyDir: {} }];
const volumeMounts = [{ name: "shared", mountPath: "/shared" }];

function sidecar(name: string, script: string, extras: Partial<Container> = {}): Container {
  return shell(name, script, { restartPolicy: "Always", volumeMounts, ...extras });
}

test("begin in their order, end in the reverse order, and do not hold the end of the pod", async (pods) => {
  await pods.createManifest("sidecars");
  const waiting = await pods.until(
    "sidecars",
    "the first sidecar",
    (pod) => !!statusOf(pod, "proxy").state?.running,
  );
  assert.is(statusOf(waiting, "proxy").started, false);
  assert.equal(statusOf(waiting, "logger").state, { waiting: { reason: "PodInitializing" } });
  const initialized = waiting.status?.conditions?.find(({ type }) => type === "Initialized");
  assert.is(initialized?.message, "containers with incomplete status: [proxy logger last]");
  const pod = await pods.untilEnded("sidecars");
  assert.is(pod.status?.phase, "Succeeded");
  assert.is(await pods.log("sidecars", "proxy"), "first\nproxy is up\nlast\nmain\nlogger\nproxy\n");
  for (const name of ["proxy", "logger"]) {
    const { state, restartCount } = statusOf(pod, name);
    assert.is(state?.terminated?.exitCode, 0, name);
    assert.is(restartCount, 0);
  }
  const killed = (await pods.events("sidecars")).filter(({ reason }) => reason === "Killing");
  assert.equal(killed.map(({ message }) => message).sort(), [
    "Stopping container logger",
    "Stopping container proxy",
  ]);
}, 40_000);

test("that fail start again under restartPolicy Never, and count for Ready", async (pods) => {
  await pods.create("restarted", {
    volumes,
    initContainers: [
      sidecar(
        "helper",
        "echo x >> /shared/tries; [ $(wc -l < /shared/tries) -gt 1 ] || exit 7; trap 'exit 0' TERM; sleep infinity & wait",
      ),
    ],
    containers: [sleeper("main", { volumeMounts })],
  });
  const pod = await pods.until("restarted", "the second start and main", (each) => {
    const isUp =
      !!statusOf(each, "helper").state?.running && !!statusOf(each, "main").state?.running;
    return isUp && statusOf(each, "helper").restartCount === 1;
  });
  const { lastState, ready, started } = statusOf(pod, "helper");
  assert.is(lastState?.terminated?.exitCode, 7);
  assert.equal([ready, started], [true, true]);
  await pods.until("restarted", "Ready", ({ status }) =>
    status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True"),
  );
  await pods.delete("restarted");
});

test("that do not become started are restarted by their startup probe and hold the pod", async (pods) => {
  await pods.create("stuck", {
    restartPolicy: "Always",
    initContainers: [
      sidecar("never-up", "trap 'exit 0' TERM; sleep infinity & wait", {
        volumeMounts: [],
        startupProbe: { exec: { command: ["false"] }, periodSeconds: 1, failureThreshold: 1 },
      }),
    ],
    containers: [sleeper("main")],
  });
  const pod = await pods.until(
    "stuck",
    "a restart",
    (each) => statusOf(each, "never-up").restartCount > 0,
  );
  assert.is(pod.status?.phase, "Pending");
  assert.equal(statusOf(pod, "main").state, { waiting: { reason: "PodInitializing" } });
  const events = await pods.events("stuck");
  assert.ok(
    events.some(
      ({ reason, message }) =>
        reason === "Killing" &&
        message === "Container never-up failed startup probe, will be restarted",
    ),
  );
  await pods.delete("stuck");
});

test("end after the containers when the pod is deleted", async (pods) => {
  const folder = mkdtempSync(join(tmpdir(), "nspod-sidecars-"));
  const says = (name: string, delay: number): string =>
    `trap 'sleep ${delay}; echo ${name} >> /shared/ends; exit 0' TERM; sleep infinity & wait`;
  await pods.up("deleted", {
    terminationGracePeriodSeconds: 20,
    volumes: [{ name: "shared", hostPath: { path: folder } }],
    initContainers: [sidecar("one", says("one", 0)), sidecar("two", says("two", 0.3))],
    containers: [shell("main", says("main", 0.5), { volumeMounts })],
  });
  await pods.instance.must(["delete", "pod", "deleted"]);
  assert.is(readFileSync(join(folder, "ends"), "utf8"), "main\ntwo\none\n");
  rmSync(folder, { recursive: true });
});

run();
