// Promise: a daemon that is killed loses no hook, no probe and no stop: the next one takes up what was begun.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { deletePod } from "../../src/cli/delete-pod.ts";
import type { Container, PodSpec } from "../../src/spec/pod.ts";
import { eventually } from "../support/eventually.ts";
import { daemonPid } from "../support/manifest.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("a daemon that is killed in a pod's lifecycle", "busybox");

const volumeMounts = [{ name: "shared", mountPath: "/shared" }];

interface Shared extends Disposable {
  readonly folder: string;
  readonly spec: Pick<PodSpec, "volumes">;
}

/** A folder of the host that the containers of a pod have at /shared, for the time of a test. */
function shared(): Shared {
  const folder = mkdtempSync(join(tmpdir(), "nspod-crash-"));
  return {
    folder,
    spec: { volumes: [{ name: "shared", hostPath: { path: folder } }] },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
}

function lasting(name: string, extras: Partial<Container>): Container {
  const script = `trap 'echo ${name} >> /shared/ends; exit 0' TERM; sleep infinity & wait`;
  return shell(name, script, { volumeMounts, ...extras });
}

/** Kills the daemon; the next request starts another one. */
async function crash(pods: Pods): Promise<void> {
  process.kill(await daemonPid(pods.instance), "SIGKILL");
  await pods.instance.must(["get", "pods"]);
}

async function written(folder: string, name: string, text: string): Promise<void> {
  await eventually(`"${text}" in ${name}`, 20_000, () =>
    readFileSync(join(folder, name), "utf8").includes(text) ? true : undefined,
  );
}

test("a postStart hook runs again, and the container becomes started", async (pods) => {
  using host = shared();
  const { folder, spec } = host;
  const script = "echo begun >> /shared/hook; until [ -e /shared/go ]; do sleep 0.1; done";
  const lifecycle = { postStart: { exec: { command: ["sh", "-c", script] } } };
  await pods.create("starting", { ...spec, containers: [lasting("main", { lifecycle })] });
  await written(folder, "hook", "begun");
  await crash(pods);
  await written(folder, "hook", "begun\nbegun");
  assert.is(statusOf(await pods.get("starting"), "main").started, false);
  writeFileSync(join(folder, "go"), "");
  const pod = await pods.until("starting", "its start", (each) => statusOf(each, "main").ready);
  assert.is(statusOf(pod, "main").restartCount, 0);
  await pods.delete("starting");
});

test("a deletion goes on with its hook, its order and its grace period", async (pods) => {
  using host = shared();
  const { folder, spec } = host;
  const script = "echo begun >> /shared/hook; until [ -e /shared/go ]; do sleep 0.1; done";
  const lifecycle = { preStop: { exec: { command: ["sh", "-c", script] } } };
  await pods.up("ending", {
    ...spec,
    terminationGracePeriodSeconds: 30,
    initContainers: [lasting("sidecar", { restartPolicy: "Always" })],
    containers: [lasting("main", { lifecycle })],
  });
  await deletePod(pods.client, await pods.get("ending"), undefined);
  await written(folder, "hook", "begun");
  await crash(pods);
  await written(folder, "hook", "begun\nbegun");
  writeFileSync(join(folder, "go"), "");
  await written(folder, "ends", "main\nsidecar\n");
});

test("a probe goes on: what it said stays, and what changes is seen", async (pods) => {
  using host = shared();
  const { folder, spec } = host;
  const readinessProbe = { exec: { command: ["test", "-e", "/shared/ready"] }, periodSeconds: 1 };
  writeFileSync(join(folder, "ready"), "");
  await pods.create("probed", {
    ...spec,
    containers: [lasting("main", { readinessProbe: { ...readinessProbe, failureThreshold: 1 } })],
  });
  await pods.until("probed", "it to be ready", (each) => statusOf(each, "main").ready);
  await crash(pods);
  assert.is(statusOf(await pods.get("probed"), "main").ready, true);
  await pods.ask("probed", "rm /shared/ready");
  const pod = await pods.until(
    "probed",
    "it to be unready",
    (each) => !statusOf(each, "main").ready,
  );
  assert.is(statusOf(pod, "main").restartCount, 0);
  await pods.delete("probed");
});

run();
