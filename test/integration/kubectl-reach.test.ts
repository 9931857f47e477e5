// Promise: kubectl reaches into pods of nspod: files and folders in and out, ports of pods and Services, and a container
// to look around beside those that run.
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { type Kubectl, kubectlSuite } from "../support/kubectl.ts";
import { podOf, shell } from "../support/pods.ts";

const { test, run } = kubectlSuite("kubectl reaches into pods", "busybox");

async function start(kubectl: Kubectl, name: string, script: string): Promise<void> {
  const input = JSON.stringify(podOf(name, { containers: [shell("main", script)] }));
  await kubectl.must(["apply", "-f", "-"], { input });
  await kubectl.must(["wait", "--for=condition=Ready", "--timeout=30s", `pod/${name}`]);
}

const waits = "trap 'exit 0' TERM; sleep infinity & wait";

test("cp: files and folders, in and out", async (kubectl) => {
  await start(kubectl, "holds", waits);
  const content = randomBytes(300_000);
  const there = await kubectl.file("there", content);
  await kubectl.must(["cp", there, "holds:/tmp/file"]);
  const back = join(kubectl.home, "back");
  await kubectl.must(["cp", "holds:/tmp/file", back]);
  assert.ok(content.equals(await readFile(back)));
  await kubectl.must([
    "exec",
    "holds",
    "--",
    "sh",
    "-c",
    "mkdir -p /tmp/d/e; echo deep > /tmp/d/e/f",
  ]);
  const folder = join(kubectl.home, "folder");
  await kubectl.must(["cp", "holds:/tmp/d", folder]);
  assert.is(await readFile(join(folder, "e/f"), "utf8"), "deep\n");
  await kubectl.must(["delete", "pod", "holds"]);
});

test("port-forward: to a pod and to a Service, one connection after the other", async (kubectl) => {
  const serve = "mkdir -p /tmp/w; echo inside > /tmp/w/index.html; httpd -p 8080 -h /tmp/w";
  await start(kubectl, "serves", `${serve}; ${waits}`);
  await kubectl.must(["label", "pod", "serves", "app=serves"]);
  await kubectl.must(["expose", "pod", "serves", "--port=80", "--target-port=8080"]);
  for (const [target, port] of [
    ["pod/serves", ":8080"],
    ["service/serves", ":80"],
  ] as const) {
    await using forward = kubectl.live(["port-forward", "--address=127.0.0.1", target, port]);
    await forward.says(/127\.0\.0\.1:\d+ -> 8080/);
    const local = /127\.0\.0\.1:(\d+) ->/.exec(forward.stdout)?.[1];
    for (let round = 0; round < 3; round++) {
      const answer = await fetch(`http://127.0.0.1:${local}/index.html`);
      assert.is(await answer.text(), "inside\n");
    }
  }
  await kubectl.must(["delete", "pod/serves", "service/serves"]);
});

test("debug: a container beside those that run, and a copy of the pod", async (kubectl) => {
  await start(kubectl, "odd", waits);
  // kubectl 1.20 has it as an experiment.
  const debug = kubectl.since(21) ? ["debug"] : ["alpha", "debug"];
  const words = [...debug, "odd", "--image=busybox", "--container=look", "--attach=false"];
  await kubectl.must([...words, "--target=main", "--", "sh", "-c", "ps; sleep 100"]);
  const state = "-o=jsonpath={.status.ephemeralContainerStatuses[0].state.running}";
  await using watch = kubectl.live(["get", "pod", "odd", "-w", state]);
  await watch.says(/startedAt/);
  assert.match(await kubectl.must(["logs", "odd", "-c", "look"]), /sleep infinity/);
  await kubectl.must([
    ...[...debug, "odd", "--copy-to=odd-copy", "--set-image=main=busybox:latest"],
  ]);
  await kubectl.must(["wait", "--for=condition=Ready", "--timeout=30s", "pod/odd-copy"]);
  await kubectl.must(["delete", "pod", "odd", "odd-copy", "--grace-period=1"]);
});

run();
