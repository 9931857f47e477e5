// Promise: a container can be added to a pod that runs, to look at another one from inside; it runs once, beside the
// others, and changes nothing of what the pod is.
import * as assert from "uvu/assert";
import { podsPath } from "../../src/cli/context.ts";
import type { Pod } from "../../src/spec/pod.ts";
import { readManifests } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, shell, sleeper, statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("ephemeral containers", "busybox");

const volumes = [{ name: "scratch", emptyDir: {} }];

/** What `kubectl debug` sends. */
async function add(pods: Pods, name: string, patch: object): Promise<Pod> {
  return await pods.client.json("PATCH", podsPath("default", name, "ephemeralcontainers"), {
    body: patch,
    contentType: "application/strategic-merge-patch+json",
  });
}

test("one with a target sees the processes of that container", async (pods) => {
  const [settings, wish] = readManifests("ephemeral-containers");
  assert.ok(settings && wish);
  await pods.createObject(settings);
  await pods.up("debugged", { volumes, containers: [sleeper("main"), sleeper("other")] });
  await add(pods, "debugged", wish);
  const pod = await pods.until(
    "debugged",
    "the end of the debugger",
    (each) => !!statusOf(each, "debugger").state?.terminated,
  );
  const { state, ready, restartCount, started } = statusOf(pod, "debugger");
  assert.is(state?.terminated?.exitCode, 3);
  assert.match(
    state?.terminated?.message ?? "",
    /^sh -c trap 'exit 0' TERM/,
    "main's command line",
  );
  assert.equal([ready, restartCount, started], [false, 0, undefined]);
  assert.is(pod.status?.phase, "Running");
  assert.ok(statusOf(pod, "main").ready);
  const conditions = pod.status?.conditions ?? [];
  assert.is(conditions.find(({ type }) => type === "Ready")?.status, "True");
  assert.match(await pods.log("debugged", "debugger"), /^sh -c trap.*\nhello debugger\n$/);
  await pods.delete("debugged");
});

test("one without a target has processes of its own and does not keep the pod from ending", async (pods) => {
  await pods.up("looked-at", { volumes, containers: [sleeper("main")] });
  const debug = sleeper("look", { stdin: true, env: [{ name: "WHO", value: "look" }] });
  await add(pods, "looked-at", { spec: { ephemeralContainers: [debug] } });
  await pods.until("looked-at", "it to run", (pod) => !!statusOf(pod, "look").state?.running);
  assert.is(await pods.ask("looked-at", "grep -c WHO=look /proc/1/environ", "look"), "1");
  for (const pid of await pods.pids("looked-at", "main")) process.kill(pid, "SIGTERM");
  const pod = await pods.untilEnded("looked-at");
  assert.is(pod.status?.phase, "Succeeded");
  assert.ok(statusOf(pod, "look").state?.terminated);
});

test("what is not for one is refused, and one that is there stays", async (pods) => {
  await pods.up("strict", { volumes, containers: [sleeper("main")] });
  const refused = async (container: object): Promise<string> => {
    try {
      await add(pods, "strict", { spec: { ephemeralContainers: [container] } });
    } catch (error) {
      return String(error);
    }
    return "taken";
  };
  const look = shell("look", "exit 0");
  assert.match(
    await refused({ ...look, ports: [{ containerPort: 80 }] }),
    /ephemeralContainers\[0\]\.ports.* must not be set on an ephemeral container/,
  );
  assert.match(
    await refused({ ...look, targetContainerName: "nobody" }),
    /targetContainerName: must be the name of a container of the pod/,
  );
  assert.is(await refused(look), "taken");
  await pods.delete("strict");
});

run();
