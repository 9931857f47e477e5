// Promise: kubectl talks with containers of nspod: logs as they come, exec with exit codes, input and a terminal, attach.
// Old ones by SPDY, new ones by WebSocket.
import { randomBytes } from "node:crypto";
import * as assert from "uvu/assert";
import { type Kubectl, kubectlSuite } from "../support/kubectl.ts";
import { podOf, shell } from "../support/pods.ts";

const { test, run } = kubectlSuite("kubectl streams", "busybox");

async function start(kubectl: Kubectl, name: string, script: string): Promise<void> {
  const input = JSON.stringify(podOf(name, { containers: [shell("main", script)] }));
  await kubectl.must(["apply", "-f", "-"], { input });
  await kubectl.must(["wait", "--for=condition=Ready", "--timeout=30s", `pod/${name}`]);
}

const waits = "trap 'exit 0' TERM; sleep infinity & wait";

test("logs: what was said, as it is said, its end and its times", async (kubectl) => {
  await start(
    kubectl,
    "talks",
    `echo one; echo two; while [ ! -e /tmp/go ]; do sleep 0.1; done; echo three; ${waits}`,
  );
  await using follow = kubectl.live(["logs", "-f", "talks"]);
  await follow.says(/^one\ntwo\n$/);
  await kubectl.must(["exec", "talks", "--", "touch", "/tmp/go"]);
  await follow.says(/^one\ntwo\nthree\n$/);
  assert.is(await kubectl.must(["logs", "talks", "--tail=1"]), "three\n");
  assert.match(
    await kubectl.must(["logs", "talks", "--timestamps"]),
    /^\d{4}-\d\d-\d\dT\S+Z one\n/,
  );
  assert.match(await kubectl.fails(["logs", "talks", "-c", "none"]), /none/);
  await kubectl.must(["delete", "pod", "talks"]);
  assert.is(await follow.exit(), 0);
});

test("exec: exit codes, both outputs, input and a terminal", async (kubectl) => {
  await start(kubectl, "runs", waits);
  const failed = await kubectl.run([
    "exec",
    "runs",
    "--",
    "sh",
    "-c",
    "echo out; echo err >&2; exit 3",
  ]);
  assert.equal([failed.code, failed.stdout], [3, "out\n"]);
  assert.match(failed.stderr, /^err\ncommand terminated with exit code 3/);
  const input = randomBytes(200_000).toString("hex");
  assert.is(await kubectl.must(["exec", "-i", "runs", "--", "cat"], { input }), input);
  await using terminal = kubectl.onTerminal(["exec", "-it", "runs", "--", "sh"]);
  await terminal.says(/[#$] /);
  terminal.write("tty\r");
  await terminal.says(/\/dev\/pts\/\d+\r\n/);
  terminal.write("exit 5\r");
  assert.is(await terminal.exit(), 5);
  await kubectl.must(["delete", "pod", "runs"]);
});

test("attach: to what runs, with its input", async (kubectl) => {
  const interactive = { ...shell("main", "while read line; do echo got $line; done"), stdin: true };
  const input = JSON.stringify(podOf("listens", { containers: [interactive] }));
  await kubectl.must(["apply", "-f", "-"], { input });
  await kubectl.must(["wait", "--for=condition=Ready", "--timeout=30s", "pod/listens"]);
  await using attached = kubectl.live(["attach", "-i", "listens"]);
  attached.write("this\n");
  await attached.says(/got this\n/);
  await kubectl.must(["delete", "pod", "listens", "--grace-period=1"]);
  await attached.exit();
});

test("run -it --rm: a shell on a terminal, and nothing of it afterwards", async (kubectl) => {
  const words = ["run", "shell", "--image=busybox", "--restart=Never", "-it", "--rm"];
  await using terminal = kubectl.onTerminal([...words, "--", "sh"]);
  await terminal.says(/[#$] /);
  terminal.write("tty\r");
  await terminal.says(/\/dev\/pts\/\d+\r\n/);
  terminal.write("exit\r");
  assert.is(await terminal.exit(), 0);
  assert.match(await kubectl.fails(["get", "pod", "shell"]), /not found/);
});

run();
