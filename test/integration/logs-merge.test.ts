// Promise: `nspod logs` shows the logs of several containers and pods as one, in the order in which the lines were
// written, ended or followed.
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import { shell } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("logs of several containers", "busybox");

/** Two containers that take turns by way of a volume. */
const mounts = { volumeMounts: [{ name: "turn", mountPath: "/turn" }] };
const wait = (file: string): string => `while [ ! -e /turn/${file} ]; do sleep 0.02; done`;
const containers = [
  shell("ping", `echo 1; touch /turn/1; ${wait("2")}; echo 3; touch /turn/3; ${wait("4")}`, mounts),
  shell("pong", `${wait("1")}; echo 2; touch /turn/2; ${wait("3")}; echo 4; touch /turn/4`, mounts),
];
const volumes = [{ name: "turn", emptyDir: {} }];

test("puts lines into the order in which they were written", async (pods) => {
  await pods.create("game", { volumes, containers });
  const followed = await pods.instance
    .must(["wait", "pod/game", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=20s"])
    .then(() => pods.instance.must(["logs", "-f", "game", "--all-containers"]));
  assert.is(followed, "1\n2\n3\n4\n");
  assert.is(await pods.instance.must(["logs", "game", "--all-containers"]), "1\n2\n3\n4\n");
  const prefixed = await pods.instance.must(["logs", "--all-pods", "--all-containers"]);
  assert.is(prefixed.split("\n")[1], "[pod/game/pong] 2");
  const stamped = await pods.instance.must(["logs", "game", "--all-containers", "--timestamps"]);
  assert.match(stamped, /^\d{4}-\d\d-\d\dT[^ ]+Z 1\n/);
});

test("chooses pods by their labels; too many to follow is an error, and so is one that has none", async (pods) => {
  const { code, stderr } = await pods.instance.nspod([
    "logs",
    "-f",
    "--all-pods",
    "--all-containers",
    "--max-log-requests=1",
  ]);
  assert.is(code, 1);
  assert.match(stderr, /follow 2 log streams, but maximum allowed concurrency is 1/);
  const none = await pods.instance.nspod(["logs", "-l", "app=none"]);
  assert.match(none.stderr, /No resources found in default namespace/);
  assert.match((await pods.instance.nspod(["logs"])).stderr, /Name one pod, or choose pods/);
  await pods.create("waiting", {
    containers: [{ name: "main", image: "not-here", imagePullPolicy: "Never" }],
  });
  const partly = ["logs", "--all-pods", "--all-containers"];
  assert.is((await pods.instance.nspod(partly)).code, 1);
  const ignored = await pods.instance.nspod([...partly, "--ignore-errors"]);
  assert.is(ignored.code, 0);
  assert.match(ignored.stdout, /\[pod\/game\/pong\] 4/);
  assert.match(ignored.stderr, /error: waiting\/main: /);
});

run();
