// Promise: postStart and preStop hooks run where and when Kubernetes runs them.
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper, statusOf } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("lifecycle hooks", "busybox", "scratch");

async function messages(pods: Pods, name: string, reason: string): Promise<string[]> {
  const events = await pods.events(name);
  return events.filter((event) => event.reason === reason).map(({ message }) => message);
}

/** Deletes a pod with this grace and returns what its containers said until they were gone. */
async function lastWords(
  pods: Pods,
  name: string,
  containers: readonly string[],
): Promise<readonly string[]> {
  const streams = containers.map((container) =>
    pods.instance.must(["logs", "-f", name, "-c", container], { timeoutMs: 40_000 }),
  );
  // Each follows from the beginning, so none can miss what is said after this.
  await pods.instance.must(["delete", "pod", name], { timeoutMs: 40_000 });
  return await Promise.all(streams);
}

test("the manifest is taken as it is", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("hooks")]);
});

test("postStart by command, request and sleep is done before the container counts as started", async (pods) => {
  const pod = await pods.until("hooks", "it to be ready", ({ status }) =>
    status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True"),
  );
  for (const name of ["command", "request", "pause"]) {
    const { started, ready, restartCount } = statusOf(pod, name);
    assert.equal([started, ready, restartCount], [true, true, 0], name);
  }
  assert.is(await pods.log("hooks", "command"), "begun\n");
  const asked = await pods.log("hooks", "server");
  assert.match(asked, /^GET \/status\/500\?begin HTTP\/1\.1\r\n/m);
  assert.match(asked, /^User-Agent: kube-lifecycle\/1\.36\r\n/m);
  assert.equal(await messages(pods, "hooks", "FailedPostStartHook"), []);
});

test("preStop runs to its end before the stop signal, sidecars last", async (pods) => {
  const said = await lastWords(pods, "hooks", ["command", "pause", "server"]);
  const [command, pause, server = ""] = said;
  assert.is(command, "begun\nending\nended\nterm\n");
  assert.is(pause, "term\n");
  // Over plain HTTP, because the server has no TLS: as the kubelet, which once ignored the scheme.
  assert.match(server, /^GET \/end HTTP\/1\.1\r\n/m);
  assert.equal(await messages(pods, "hooks", "FailedPreStopHook"), []);
}, 60_000);

test("a postStart hook that fails ends its container", async (pods) => {
  const pod = await pods.untilEnded("failing-hook");
  assert.is(pod.status?.phase, "Failed");
  assert.is(statusOf(pod, "main").state?.terminated?.exitCode, 7);
  const [message = ""] = await messages(pods, "failing-hook", "FailedPostStartHook");
  assert.match(message, /^PostStartHook failed/);
  assert.match(message, /exited with 3/);
  assert.equal(await messages(pods, "failing-hook", "Killing"), ["FailedPostStartHook"]);
  await pods.delete("failing-hook");
});

test("a postStart hook holds the containers behind its own back", async (pods) => {
  const lifecycle = {
    postStart: { exec: { command: ["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.1; done"] } },
  };
  await pods.create("in-turn", {
    containers: [sleeper("first", { lifecycle }), sleeper("second")],
  });
  const held = await eventually("the first container", 20_000, async () => {
    const pod = await pods.get("in-turn");
    return statusOf(pod, "first").containerID === undefined ? undefined : pod;
  });
  assert.is(statusOf(held, "first").ready, false);
  assert.is(statusOf(held, "second").containerID, undefined);
  await pods.ask("in-turn", "touch /tmp/go", "first");
  await pods.until("in-turn", "both", (pod) =>
    ["first", "second"].every((name) => statusOf(pod, name).ready),
  );
  await pods.delete("in-turn");
});

test("a preStop hook gets the grace period and no more, and is dead afterwards", async (pods) => {
  const marker = `97${process.pid}`;
  const lifecycle = { preStop: { exec: { command: ["sleep", marker] } } };
  await pods.up("endless", {
    terminationGracePeriodSeconds: 1,
    containers: [shell("main", "trap '' TERM; while :; do sleep 1; done", { lifecycle })],
  });
  const beginMs = performance.now();
  await pods.instance.must(["delete", "pod", "endless"], { timeoutMs: 30_000 });
  // The grace period, and two seconds for the signal that the hook has left no time for.
  assert.ok(performance.now() - beginMs >= 2_900);
  assert.equal(pidsWith("sleep", marker), []);
});

run();
