// Promise: `nspod run NAME --image` runs a pod of an image without a manifest: in the foreground with its logs or its
// terminal and its exit code, in the background for good.
import * as assert from "uvu/assert";
import { NSPOD } from "../support/instance.ts";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";
import { runCommand } from "../support/run-command.ts";

requires("root", "tool:script");

const { test, run } = podSuite("run of an image", "busybox");

const names = async (pods: Pods): Promise<readonly string[]> =>
  (await pods.instance.must(["get", "pods", "-o", "name"])).split("\n").filter(Boolean);

test("prints what it says and ends as it ends; --rm leaves nothing", async (pods) => {
  const words = ["--image=busybox", "--env", "WHO=world", "--", "sh", "-c", "echo hi $WHO; exit 3"];
  const { code, stdout } = await pods.instance.nspod(["run", "hi", "--rm", ...words]);
  assert.is(code, 3);
  assert.is(stdout, "hi | hi world\n");
  assert.equal(await names(pods), []);
});

test("-i gives it the input, and the output is the container's own", async (pods) => {
  const words = ["run", "-i", "--rm", "count", "--image=busybox", "--", "wc", "-c"];
  const { code, stdout } = await pods.instance.nspod(words, { input: "12345" });
  assert.is(code, 0);
  assert.is(stdout.trim(), "5");
  assert.equal(await names(pods), []);
});

test("-it is a terminal", async (pods) => {
  const line = `"${NSPOD}" run -it --rm shell --image=busybox -- sh -c 'sleep 0.3; tty; exit 4'`;
  const { env } = pods.instance;
  const { code, stdout } = await runCommand("script", ["-qec", line, "/dev/null"], { env });
  assert.match(stdout, /\/dev\/pts\/0/);
  assert.is(code, 4);
  assert.equal(await names(pods), []);
});

test("-d leaves it running, with a policy that keeps it so", async (pods) => {
  await pods.instance.must(["run", "web", "--wait=ready", "--image=busybox", "--", "sleep", "60"]);
  const fields = "jsonpath={.spec.restartPolicy} {.metadata.labels.run} {.status.phase}";
  assert.is(await pods.instance.must(["get", "pod", "web", "-o", fields]), "Always web Running");
  await pods.instance.must(["delete", "pod", "web", "--now"]);
});

test("an image that is missing is an error, and no pod stays behind", async (pods) => {
  for (const more of [[], ["-i"]]) {
    const words = ["run", "none", "--image=no/such", ...more];
    const { code, stderr } = await pods.instance.nspod(words);
    assert.is(code, 1);
    assert.match(stderr, /cannot start: .*ErrImagePull: Container image "no\/such" is not present/);
  }
  assert.equal(await names(pods), []);
});

test("refuses options of images for manifests", async (pods) => {
  const { code, stderr } = await pods.instance.nspod(["run", "pod.yaml", "--env", "A=b"]);
  assert.is(code, 1);
  assert.match(stderr, /--env is for pods of an image: nspod run NAME --image=IMAGE/);
});

run();
