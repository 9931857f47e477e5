// Promise: stdinOnce, lifecycle.stopSignal and SCTP host ports mean what they do on a cluster
// (test/manifests/streams.yaml).
import { execFileSync } from "node:child_process";
import * as assert from "uvu/assert";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15", "tool:nft");

const { test, run } = podSuite("input once, stop signals, SCTP", "busybox");

test("an SCTP port of the host leads to the pod", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("streams")]);
  const { status } = await pods.until("once", "both to run", (pod) =>
    ["reader", "signalled"].every((name) => statusOf(pod, name).state?.running !== undefined),
  );
  const table = `nspod_${pods.instance.bridge}`;
  const rules = execFileSync("nft", ["list", "map", "ip", table, "any_port"], { encoding: "utf8" });
  assert.match(rules, new RegExp(`sctp \\. 38412 .*: ${status?.podIP} \\. 38412`));
});

test("standard input ends when the first who writes to it leaves", async (pods) => {
  await pods.instance.must(["attach", "-i", "once", "-c", "reader"], { input: "hello\n" });
  const pod = await pods.until("once", "the reader to end", (each) =>
    Boolean(statusOf(each, "reader").state?.terminated),
  );
  assert.is(statusOf(pod, "reader").state?.terminated?.exitCode, 0);
  assert.is(await pods.log("once", "reader"), "hello\nend of input\n");
});

test("the pod's stop signal is sent, not SIGTERM", async (pods) => {
  assert.is(statusOf(await pods.get("once"), "signalled").stopSignal, "SIGUSR1");
  const logged = pods.untilLogged("once", "signalled", "got USR1");
  await Promise.all([logged, pods.instance.must(["delete", "pod", "once"])]);
});

run();
