// Promise: a manifest of Kubernetes runs as it is; every field of test/manifests/basics.yaml has the
// meaning that it has on a cluster, as the containers themselves see it.
import { readlinkSync } from "node:fs";
import * as assert from "uvu/assert";
import { manifestFile } from "../support/manifest-file.ts";
import { podSuite } from "../support/pod-suite.ts";
import { statusOf } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root", "kernel:5.15");

const { test, run } = podSuite("basic fields", "busybox");

test("each container sees what its manifest says", async (pods) => {
  await pods.instance.must(["apply", "-f", manifestFile("basics")]);
  const pod = await pods.untilEnded("basics");
  assert.is(pod.status?.phase, "Succeeded", JSON.stringify(pod.status));
  assert.is(await pods.log("basics", "first"), "1000\n1001\n1001 2000 3000\n");
  const said = (await pods.log("basics", "main")).split("\n");
  assert.equal(said.slice(0, 4), ["/data", "from first", "chosen", "hello world $(WHO)"]);
  assert.equal(said.slice(4, 9), [
    "1",
    "search one.example two.example",
    "nameserver 192.0.2.53",
    "options ndots:3 use-vc",
    "1000",
  ]);
  assert.match(said[9] ?? "", "Read-only file system");
  assert.match(said[10] ?? "", "Read-only file system");
  assert.is(said[11], "2777:2000");
  assert.is(statusOf(pod, "main").state?.terminated?.message, "the end\n");
  const ofRoot = await pods.log("basics", "root");
  assert.match(ofRoot, /^\/dev\/pts\/0\r?\n0\r?\n/);
  assert.not.match(ofRoot, /CapEff:\s0+\r?\n/);
});

test("a pod may have the namespaces of the host", async (pods) => {
  await pods.untilEnded("of-the-host");
  const own = ["net", "pid", "ipc"].map((kind) => readlinkSync(`/proc/self/ns/${kind}`));
  assert.is(await pods.log("of-the-host"), `${own.join("\n")}\n`);
});

run();
