// Promise: objects are made of a few options in kubectl's words; `expose` puts a Service in front of what exists, `set`
// changes containers.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("create from the command line", "busybox");

const nspod = (pods: Pods, ...args: readonly string[]): Promise<string> => pods.instance.must(args);

test("creates one of each kind, and says so as kubectl does", async (pods) => {
  const file = join(pods.instance.base, "app.conf");
  await writeFile(file, "x = 1\n");
  for (const [words, answer] of [
    ["namespace shop", "namespace/shop created"],
    ["serviceaccount builder", "serviceaccount/builder created"],
    ["priorityclass high --value=1000", "priorityclass.scheduling.k8s.io/high created"],
    [`configmap settings --from-literal=a=1 --from-file=${file}`, "configmap/settings created"],
    ["secret generic login --from-literal=word=x", "secret/login created"],
    ["deployment web --image=busybox --replicas=0 -- sleep 9", "deployment.apps/web created"],
    ["cronjob tick --image=busybox --schedule=@yearly -- date", "cronjob.batch/tick created"],
    ["job now --from=cronjob/tick", "job.batch/now created"],
    ["service clusterip front --tcp=80:8080", "service/front created"],
    ["pdb web --selector=app=web --min-available=1", "poddisruptionbudget.policy/web created"],
  ] as const) {
    assert.is(await nspod(pods, "create", ...words.split(" ")), `${answer}\n`);
  }
  const data = await nspod(pods, "get", "cm", "settings", "-o", "jsonpath={.data}");
  assert.equal(JSON.parse(data), { a: "1", "app.conf": "x = 1\n" });
  const command = "jsonpath={.spec.template.spec.containers[0].command}";
  assert.is(await nspod(pods, "get", "deploy", "web", "-o", command), '["sleep","9"]');
  await pods.instance.must(["wait", "job/now", "--for=condition=Complete", "--timeout=60s"]);
}, 90_000);

test("a dry run prints the manifest and changes nothing", async (pods) => {
  const words = ["create", "configmap", "dry", "--from-literal=a=1", "--dry-run=client"];
  assert.is(
    await nspod(pods, ...words, "-o", "yaml"),
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: dry\ndata:\n  a: "1"\n',
  );
  assert.is(await nspod(pods, ...words), "configmap/dry created (dry run)\n");
  const server = await nspod(pods, "create", "ns", "dry", "--dry-run=server");
  assert.is(server, "namespace/dry created (server dry run)\n");
  for (const object of ["configmap/dry", "namespace/dry"]) {
    assert.is((await pods.instance.nspod(["get", object])).code, 1, object);
  }
});

test("set changes what a manifest names, or the manifest itself", async (pods) => {
  const file = join(pods.instance.base, "written.yaml");
  const words = ["create", "deployment", "written", "--image=busybox", "--replicas=0"];
  await writeFile(file, await nspod(pods, ...words, "--dry-run=client", "-o", "yaml"));
  const here = ["set", "image", "-f", file, "busybox=busybox:2", "--local"];
  assert.match(await nspod(pods, ...here, "-o", "yaml"), /^ {10}image: busybox:2$/m);
  assert.is(await nspod(pods, ...here), "deployment.apps/written image updated (local)\n");
  assert.is((await pods.instance.nspod(["get", "deploy", "written"])).code, 1);
  await nspod(pods, "create", "-f", file);
  await nspod(pods, "set", "env", "-f", file, "MODE=test");
  const container = "jsonpath={.spec.template.spec.containers[0].env[0].value}";
  assert.is(await nspod(pods, "get", "deploy", "written", "-o", container), "test");
  for (const wrong of [["deploy/x", "-f", file], ["deploy/x", "--local"], []]) {
    assert.is(
      (await pods.instance.nspod(["set", "resources", "--limits=cpu=1", ...wrong])).code,
      1,
    );
  }
});

test("refuses what does not belong together", async (pods) => {
  const again = await pods.instance.nspod(["create", "ns", "shop"]);
  assert.match(again.stderr, 'namespaces "shop" already exists');
  assert.is(again.code, 1);
  const both = await pods.instance.nspod(["create", "ns", "other", "-f", "x.yaml"]);
  assert.match(both.stderr, "-f, -R and -k cannot be combined with a kind");
});

test("expose takes ports and selector of a deployment", async (pods) => {
  await nspod(pods, "create", "deploy", "api", "--image=busybox", "--replicas=0", "--port=8080");
  assert.is(await nspod(pods, "expose", "deploy/api", "--name=api-in"), "service/api-in exposed\n");
  const path = "jsonpath={.spec.selector.app} {.spec.ports[0].port} {.spec.ports[0].targetPort}";
  assert.is(await nspod(pods, "get", "svc", "api-in", "-o", path), "api 8080 8080");
});

test("set changes images, variables and limits of a template", async (pods) => {
  const set = (...words: readonly string[]): Promise<string> => nspod(pods, "set", ...words);
  const label = "deployment.apps/web";
  assert.is(await set("image", "deploy/web", "*=busybox:2"), `${label} image updated\n`);
  assert.is(await set("env", "deploy/web", "MODE=test", "X=1"), `${label} env updated\n`);
  assert.is(await set("env", "deploy/web", "X-"), `${label} env updated\n`);
  assert.is(await set("env", "deploy/web", "MODE=test"), "");
  const half = await pods.instance.nspod(["set", "env", "deploy/web", "-e", "MODEL"]);
  assert.is(half.code, 1);
  assert.match(half.stderr, '--env: must be NAME=VALUE: got "MODEL"');
  assert.is(
    await set("env", "deploy/web", "--from=secret/login", "--prefix=IN_"),
    `${label} env updated\n`,
  );
  assert.is(
    await set("env", "deploy/web", "--list"),
    "# deployments web, container busybox\nMODE=test\n# IN_WORD from secret login, key word\n",
  );
  assert.is(
    await set("resources", "deploy/web", "--limits=cpu=200m,memory=64Mi"),
    `${label} resource requirements updated\n`,
  );
  const path = "jsonpath={.spec.template.spec.containers[0].resources.limits.memory}";
  assert.is(await nspod(pods, "get", "deploy", "web", "-o", path), "64Mi");
}, 90_000);

test("export gives manifests that change nothing when they are applied", async (pods) => {
  const objects = ["deploy/web", "svc/api-in", "cm/settings", "cronjob/tick", "pdb/web"];
  const text = await nspod(pods, "export", ...objects);
  assert.not.match(text, /status:|uid:|resourceVersion:|clusterIP:|namespace:/);
  assert.match(text, /^ {2}replicas: 0$/m);
  const applied = await pods.instance.must(["diff", "-f", "-"], { input: text });
  assert.is(applied, "");
});

run();
