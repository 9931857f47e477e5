// Promise: a folder of manifests becomes a running application, a second apply changes nothing, diff shows what
// would change, and delete -f takes all of it away.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { podSuite } from "../support/pod-suite.ts";
import type { Pods } from "../support/pods.ts";
import { requires } from "../support/requires.ts";

requires("root");

const { test, run } = podSuite("manifests from the command line", "busybox");

const nspod = (pods: Pods, ...args: readonly string[]): Promise<string> => pods.instance.must(args);

const settings = (word: string): string => `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop, labels: {app: shop}}
data: {word: ${word}}
`;
const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
const rest = `
apiVersion: v1
kind: Secret
metadata: {name: keys, namespace: shop}
stringData: {password: hunter2}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data, namespace: shop}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Mi}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot, namespace: shop}
`;
const pod = (label: string, image = "busybox"): string => `
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: shop, tier: ${label}}}
spec:
  terminationGracePeriodSeconds: 0
  serviceAccountName: robot
  containers:
    - name: app
      image: ${image}
      command: [sleep, "1000"]
      envFrom: [{configMapRef: {name: settings}}]
      env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: keys, key: password}}}]
      volumeMounts: [{name: data, mountPath: /data}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
`;

const folder = (pods: Pods): string => join(pods.instance.base, "app");

test("apply creates what a folder says, whatever the order of its files", async (pods) => {
  await mkdir(folder(pods));
  await writeFile(join(folder(pods), "a-pod.yaml"), pod("front"));
  await writeFile(join(folder(pods), "b-rest.yaml"), rest);
  await writeFile(join(folder(pods), "c-settings.yaml"), settings("one"));
  await writeFile(join(folder(pods), "d-namespace.yaml"), namespace);
  assert.equal((await nspod(pods, "apply", "-f", folder(pods))).trimEnd().split("\n"), [
    "namespace/shop created",
    "serviceaccount/robot created",
    "secret/keys created",
    "configmap/settings created",
    "persistentvolumeclaim/data created",
    "pod/web created",
  ]);
  await nspod(pods, "wait", "-n", "shop", "pod/web", "--for=condition=Ready", "--timeout=20s");
  const word = await nspod(
    pods,
    "exec",
    "-n",
    "shop",
    "web",
    "--",
    "sh",
    "-c",
    "echo $word $PASSWORD",
  );
  assert.is(word, "one hunter2\n");
});

test("a second apply changes nothing, and diff has nothing to show", async (pods) => {
  const said = await nspod(pods, "apply", "-f", folder(pods));
  assert.equal(
    said
      .trimEnd()
      .split("\n")
      .filter((line) => !line.endsWith(" unchanged")),
    [],
  );
  assert.is(await nspod(pods, "diff", "-f", folder(pods)), "");
});

test("diff shows what apply then does in place", async (pods) => {
  await writeFile(join(folder(pods), "c-settings.yaml"), settings("two"));
  await writeFile(join(folder(pods), "a-pod.yaml"), pod("back"));
  const { stdout, code } = await pods.instance.nspod(["diff", "-f", folder(pods)]);
  assert.is(code, 1);
  for (const line of ["-  word: one", "+  word: two", "-    tier: front", "+    tier: back"]) {
    assert.ok(stdout.split("\n").includes(line), `${line} in\n${stdout}`);
  }
  const before = await nspod(
    pods,
    "get",
    "pod",
    "web",
    "-n",
    "shop",
    "-o",
    "jsonpath={.metadata.uid}",
  );
  const tried = await nspod(pods, "apply", "-f", folder(pods), "--dry-run=server");
  assert.match(tried, "configmap/settings configured (server dry run)");
  const said = await nspod(pods, "apply", "-f", folder(pods));
  assert.equal(
    said
      .trimEnd()
      .split("\n")
      .filter((line) => line.endsWith("configured")),
    ["configmap/settings configured", "pod/web configured"],
  );
  const after = await nspod(
    pods,
    "get",
    "pod",
    "web",
    "-n",
    "shop",
    "-o",
    "jsonpath={.metadata.uid} {.metadata.labels.tier}",
  );
  assert.is(after, `${before} back`);
});

test("what cannot change in a pod is refused with a way to do it", async (pods) => {
  const file = join(folder(pods), "a-pod.yaml");
  await writeFile(file, pod("back").replace('"1000"', '"2000"'));
  const { stderr, code } = await pods.instance.nspod(["apply", "-f", file]);
  assert.is(code, 1);
  assert.match(stderr, /nspod: pod\/web: Pod "web" is invalid: spec/);
  assert.match(stderr, "nspod replace --force -f FILE");
  assert.is(await nspod(pods, "replace", "--force", "-f", file), "pod/web replaced\n");
  await nspod(pods, "wait", "-n", "shop", "pod/web", "--for=condition=Ready", "--timeout=20s");
  const args = await nspod(
    pods,
    "get",
    "pod/web",
    "-n",
    "shop",
    "-o",
    "jsonpath={.spec.containers[0].command[1]}",
  );
  assert.is(args, "2000");
});

test("mistakes of all files are told, and nothing is applied", async (pods) => {
  const [one, two] = [join(pods.instance.base, "one.yaml"), join(pods.instance.base, "two.yaml")];
  await writeFile(one, settings("three").replace("name: settings", "name: fresh"));
  await writeFile(two, pod("x").replace("image:", "imgae:").replace("name: web", "name: Web"));
  const { stdout, stderr, code } = await pods.instance.nspod(["apply", "-f", one, "-f", two]);
  assert.equal([code, stdout], [1, ""]);
  assert.match(stderr, 'did you mean "image"?');
  assert.match(stderr, "metadata.name");
  const { code: missing } = await pods.instance.nspod(["get", "cm", "fresh", "-n", "shop"]);
  assert.is(missing, 1);
});

test("a kustomization is applied, compared and deleted with -k", async (pods) => {
  const base = join(pods.instance.base, "kustomized");
  await mkdir(base);
  await writeFile(
    join(base, "pod.yaml"),
    "apiVersion: v1\nkind: Pod\nmetadata: {name: k}\nspec:\n  terminationGracePeriodSeconds: 0\n  containers: [{name: app, image: busybox, command: [sleep, '1000'], envFrom: [{configMapRef: {name: conf}}]}]\n",
  );
  await writeFile(
    join(base, "kustomization.yaml"),
    "resources: [pod.yaml]\nnamePrefix: my-\nconfigMapGenerator: [{name: conf, literals: [a=b]}]\n",
  );
  const said = await nspod(pods, "apply", "-k", base);
  assert.match(said, /^configmap\/my-conf-\w+ created\npod\/my-k created\n$/);
  assert.is(await nspod(pods, "diff", "-k", base), "");
  assert.match(
    await nspod(pods, "delete", "-k", base),
    /^pod "my-k" deleted\nconfigmap "my-conf-\w+" deleted\n$/,
  );
});

test("delete -f takes all of it away, what depends on others first", async (pods) => {
  const said = await nspod(pods, "delete", "-f", folder(pods));
  assert.equal(said.trimEnd().split("\n"), [
    'pod "web" deleted',
    'persistentvolumeclaim "data" deleted',
    'configmap "settings" deleted',
    'secret "keys" deleted',
    'serviceaccount "robot" deleted',
    'namespace "shop" deleted',
  ]);
  const left = await nspod(pods, "get", "ns,pods,pvc,pv,cm,secrets", "-A", "-o", "name");
  assert.not.match(left, /shop|web|data|settings|keys/);
  const { stderr, code } = await pods.instance.nspod(["delete", "-f", folder(pods)]);
  assert.is(code, 1);
  assert.match(stderr, 'namespaces "shop" not found');
  assert.is(await nspod(pods, "delete", "-f", folder(pods), "--ignore-not-found"), "");
});

run();
