// Promise: `nspod up` brings an application up, says when it is, and shows what its pods say until Ctrl-C; `nspod down`
// takes all of it away.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { NSPOD } from "../support/instance.ts";
import { LiveCommand } from "../support/live-command.ts";
import { podSuite } from "../support/pod-suite.ts";
import { type Pods, podOf, shell, sleeper } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("up and down", "busybox");

const ready = { exec: { command: ["test", "-e", "/tmp/ready"] }, periodSeconds: 1 };
const serve = "trap 'exit 0' TERM; touch /tmp/ready; echo serving; sleep infinity & wait";

/** A Deployment of two pods, a Job, a Service and a ConfigMap, in a folder. */
async function writeApp({ instance }: Pods): Promise<string> {
  const folder = join(instance.base, "app");
  await mkdir(folder, { recursive: true });
  const template = {
    metadata: { labels: { app: "front" } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [shell("main", serve, { readinessProbe: ready })],
    },
  };
  const once = { restartPolicy: "Never", containers: [shell("main", "echo migrated")] };
  const selector = { matchLabels: { app: "front" } };
  const objects = [
    { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" }, data: { a: "b" } },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "front" },
      spec: { selector: { app: "front" }, ports: [{ port: 80 }] },
    },
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "front" },
      spec: { replicas: 2, selector, template },
    },
    {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "migrate" },
      spec: { template: { spec: once } },
    },
  ];
  for (const [index, object] of objects.entries()) {
    await writeFile(join(folder, `${index}.json`), JSON.stringify(object));
  }
  return folder;
}

async function writePod({ instance }: Pods, name: string, manifest: object): Promise<string> {
  const file = join(instance.base, `${name}.json`);
  await writeFile(file, JSON.stringify(manifest));
  return file;
}

test("shows what all pods say, and Ctrl-C leaves them running", async (pods) => {
  const folder = await writeApp(pods);
  const { env } = pods.instance;
  await using up = new LiveCommand(NSPOD, ["up", folder], { env });
  await up.says(/^deployment\.apps\/front created\n/m);
  await up.says(/^deployment\.apps\/front is up\n/m);
  await up.says(/^job\.batch\/migrate (runs|has completed)\n/m);
  await up.says(/^migrate-\w+\/main +\| migrated\n/m);
  await up.says(/(^front-\S+\/main +\| serving\n[\s\S]*){2}/m);
  up.signal("SIGINT");
  assert.is(await up.exit(), 0);
  assert.match(up.stderr, `take it down with: nspod down ${folder}`);
  const path = "jsonpath={.status.readyReplicas}";
  assert.is(await pods.instance.must(["get", "deploy", "front", "-o", path]), "2");
}, 90_000);

test("-d returns when all is up, also the second time", async (pods) => {
  const folder = await writeApp(pods);
  const out = await pods.instance.must(["up", "-d", folder]);
  assert.match(out, /^deployment\.apps\/front unchanged\n/m);
  assert.match(out, /^deployment\.apps\/front is up\n/m);
  assert.not.match(out, "serving");
});

test("down takes all of it away and waits for its pods", async (pods) => {
  const folder = await writeApp(pods);
  const out = await pods.instance.must(["down", folder]);
  assert.match(out, /job\.batch "migrate" deleted\n[\s\S]*deployment\.apps "front" deleted\n/);
  for (const kind of ["pods", "deploy", "rs", "jobs", "svc/front", "cm/settings"]) {
    const { stdout } = await pods.instance.nspod(["get", kind, "-o", "name"]);
    assert.is(stdout, "", kind);
  }
  assert.is((await pods.instance.nspod(["down", folder])).code, 0, "nothing is left to delete");
}, 90_000);

test("pods that end by themselves end the command, with their failure", async (pods) => {
  const fine = shell("main", "echo done; touch /tmp/ready");
  const good = await writePod(pods, "good", podOf("good", { containers: [fine] }));
  const finished = await pods.instance.nspod(["up", good]);
  assert.equal([finished.code, finished.stderr], [0, ""]);
  assert.match(finished.stdout, /^good\/main \| done\n/m);
  const bad = await writePod(pods, "bad", podOf("bad", { containers: [shell("main", "exit 3")] }));
  const failed = await pods.instance.nspod(["up", bad]);
  assert.is(failed.code, 1);
  assert.match(failed.stderr, 'Container "main" failed: exit code 3');
  await pods.instance.must(["down", good, bad]);
});

async function neverReady(pods: Pods): Promise<string> {
  const never = { exec: { command: ["false"] }, periodSeconds: 1 };
  const spec = { containers: [sleeper("main", { readinessProbe: never })] };
  return await writePod(pods, "never", podOf("never", spec));
}

test("warns while it waits, and tells what is missing when it is interrupted", async (pods) => {
  const file = await neverReady(pods);
  const { env } = pods.instance;
  await using up = new LiveCommand(NSPOD, ["up", file], { env });
  await up.says(/^nspod: Pod "never": Readiness probe failed/m, { on: "stderr" });
  up.signal("SIGINT");
  assert.is(await up.exit(), 130);
  assert.match(up.stderr, "nspod: pod/never is not up: ");
});

test("gives up when the time is over", async (pods) => {
  const file = await neverReady(pods);
  const { code, stderr } = await pods.instance.nspod(["up", "--timeout", "500ms", file]);
  assert.is(code, 1);
  assert.match(stderr, "nspod: pod/never is not up: ");
  assert.match(stderr, `take it down with: nspod down ${file}`);
  await pods.instance.must(["down", file]);
});

run();
