// Promise: `nspod run` stays with a pod as a shell does with a program: its output, its exit code,
// Ctrl-C; and lets go of it with -d and --wait.
import { join } from "node:path";
import * as assert from "uvu/assert";
import { NSPOD, testImage } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, shell, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const demoManifest = join(import.meta.dirname, "../../rootfs/demo/pod.yaml");

const { test, run } = podSuite("run", "busybox", "demo");

/** A run in the foreground with the manifest on stdin. */
function foreground(pods: Pods, manifest: object, ...flags: readonly string[]): LiveCommand {
  const live = new LiveCommand(NSPOD, ["run", ...flags, "-"], { env: pods.instance.env });
  live.write(JSON.stringify(manifest));
  live.end();
  return live;
}

async function names(pods: Pods): Promise<string[]> {
  const list = await pods.instance.must(["get", "pods", "-o", "name"]);
  return list.split("\n").filter(Boolean);
}

test("prints each line after the name of its container and ends with the pod", async (pods) => {
  const manifest = podOf("hello", {
    containers: [shell("a", "echo one; echo two >&2"), shell("longer", "echo three")],
  });
  const input = JSON.stringify(manifest);
  const { stdout, stderr, code } = await pods.instance.nspod(["run", "-"], { input });
  const lines = stdout.split("\n").filter(Boolean);
  assert.equal(lines.sort(), ["a      | one", "a      | two", "longer | three"]);
  assert.is(stderr, "");
  assert.is(code, 0);
  assert.equal(await names(pods), ["pod/hello"], "without --rm the ended pod stays");
  await pods.delete("hello");
});

test("ends with the exit code of the container, repeats its last lines, and removes the pod", async (pods) => {
  const manifest = podOf("three", { containers: [shell("main", "echo last words; exit 3")] });
  await using live = foreground(pods, manifest, "--rm");
  assert.is(await live.exit(), 3);
  assert.match(live.stdout, "main | last words");
  assert.match(live.stderr, 'Pod "default/three" failed: Container "main" failed: exit code 3');
  assert.match(live.stderr, "Its last lines:\n  last words");
  assert.equal(await names(pods), [], "--rm removes it");
});

test("ends with 137 when SIGKILL ended the container", async (pods) => {
  const manifest = podOf("killed", { containers: [shell("main", "echo up; exec sleep 1000")] });
  await using live = foreground(pods, manifest, "--rm");
  await live.says(/main \| up/);
  for (const pid of await pods.pids("killed", "main")) process.kill(pid, "SIGKILL");
  assert.is(await live.exit(), 137);
  assert.match(live.stderr, 'Container "main" failed: signal 9 (Error)');
});

test("Ctrl-C stops gracefully, shows the last words, and removes the pod", async (pods) => {
  const script = "trap 'echo bye; exit 0' TERM; echo up; sleep infinity & wait";
  const manifest = podOf("stopped", {
    terminationGracePeriodSeconds: 60,
    containers: [shell("main", script)],
  });
  await using live = foreground(pods, manifest);
  await live.says(/main \| up/);
  live.signal("SIGINT");
  assert.is(await live.exit(), 130);
  assert.match(live.stdout, "main | bye");
  assert.match(live.stderr, "Stopping stopped (press Ctrl-C again to kill)");
  assert.equal(await names(pods), []);
});

test("a second Ctrl-C kills what does not want to stop", async (pods) => {
  const script = "trap 'echo no' TERM; echo up; while :; do sleep infinity & wait; done";
  const manifest = podOf("stubborn", {
    terminationGracePeriodSeconds: 600,
    containers: [shell("main", script)],
  });
  await using live = foreground(pods, manifest);
  await live.says(/main \| up/);
  live.signal("SIGINT");
  await live.says(/main \| no/);
  live.signal("SIGINT");
  assert.is(await live.exit(), 130);
  assert.equal(await names(pods), []);
});

test("reports a pod that can never start, removes it, and ends with 1", async (pods) => {
  const manifest = podOf("stuck", { containers: [{ name: "main", image: "no-such-image" }] });
  await using live = foreground(pods, manifest);
  assert.is(await live.exit(), 1);
  assert.match(live.stderr, 'Pod "default/stuck" cannot start: Container "main": ErrImagePull');
  assert.match(live.stderr, "nspod image load");
  assert.equal(await names(pods), []);
});

test("-d prints the name and returns at once", async (pods) => {
  const input = JSON.stringify(podOf("detached", { containers: [sleeper("main")] }));
  assert.is(await pods.instance.must(["run", "-d", "-"], { input }), "pod/detached\n");
  const again = await pods.instance.nspod(["run", "-d", "-"], { input });
  assert.is(again.code, 1);
  assert.match(again.stderr, /pods "detached" already exists/);
  await pods.delete("detached");
});

test("--wait ready returns when the pod is ready, and says why it never will be", async (pods) => {
  const input = JSON.stringify(podOf("ready", { containers: [sleeper("main")] }));
  assert.is(await pods.instance.must(["run", "--wait", "ready", "-"], { input }), "pod/ready\n");
  const pod = await pods.get("ready");
  assert.ok(
    pod.status?.conditions?.some((each) => each.type === "Ready" && each.status === "True"),
  );
  await pods.delete("ready");
  const broken = podOf("broken", {
    initContainers: [shell("first", "echo no luck; exit 7")],
    containers: [sleeper("main")],
  });
  const result = await pods.instance.nspod(["run", "--wait", "ready", "-"], {
    input: JSON.stringify(broken),
  });
  assert.is(result.code, 1);
  assert.match(result.stderr, 'Pod "default/broken" is not ready');
  assert.match(result.stderr, "exit code 7");
  assert.match(result.stderr, "no luck");
  await pods.delete("broken");
});

test("--image-archive loads the image first", async (pods) => {
  const manifest = podOf("archive", {
    containers: [{ name: "main", image: "nspod/testbox", command: ["testbox", "status"] }],
  });
  await using live = foreground(pods, manifest, "--rm", "--image-archive", testImage("testbox"));
  assert.is(await live.exit(), 0, live.stderr);
  assert.match(live.stdout, /main \| Name:\s+testbox/);
});

test("--explain prints system calls with their origins and runs nothing", async (pods) => {
  const listing = await pods.instance.must(["run", "--explain", demoManifest]);
  assert.match(listing, /execve\(/);
  assert.match(listing, /spec\.containers\[\d\]/);
  assert.equal(await names(pods), []);
});

test("the demo pod talks over localhost, shares a volume and a System V queue", async (pods) => {
  await using live = new LiveCommand(NSPOD, ["run", "--rm", demoManifest], {
    env: pods.instance.env,
  });
  // The lines of different containers come in any order: the last of each is waited for.
  await live.says(/prepare \| wrote/);
  await live.says(/web {5}\| sent a message/);
  await live.says(/client {2}\| both containers see the volume/);
  const { status } = await pods.get("demo");
  for (const line of [
    "prepare | wrote index.html into the shared volume",
    `web     | serving the volume on port 8080 of ${status?.podIP}`,
    "client  | received through the System V queue: the web server is ready",
    "client  | fetched from localhost: Hello from the shared volume of demo",
    "client  | both containers see the volume, and I can write and read: index.html",
  ]) {
    assert.match(live.stdout, `${line}\n`);
  }
  live.signal("SIGINT");
  assert.is(await live.exit(), 130);
  assert.match(live.stdout, "web     | stopping\n");
  assert.match(live.stdout, "client  | stopping\n");
});

run();
