// Promise: kubectl makes, changes and deletes what nspod has as it is used to: create of every kind, edit, patch, label,
// annotate, replace, and delete with each of its ways to treat what depends.
import * as assert from "uvu/assert";
import { eventually } from "../support/eventually.ts";
import { kubectlSuite } from "../support/kubectl.ts";
import { apply, configMap, dataOf, deployment, listOf } from "../support/kubectl-objects.ts";

const { test, run } = kubectlSuite("kubectl writes", "busybox");

test("create makes each kind from words", async (kubectl) => {
  const { version, namespace } = kubectl;
  const file = await kubectl.file("words.txt", "from a file");
  const lines: readonly (readonly [made: string, ...words: string[]])[] = [
    ["configmap/made", "configmap", "made", "--from-literal=a=b", `--from-file=${file}`],
    ["secret/made", "secret", "generic", "made", "--from-literal=password=x"],
    ["serviceaccount/made", "serviceaccount", "made"],
    ["service/made", "service", "clusterip", "made", "--tcp=80:8080"],
    ["deployment.apps/made", "deployment", "made", "--image=busybox", "--replicas=0"],
    ["job.batch/made", "job", "made", "--image=busybox", "--", "true"],
    [
      "cronjob.batch/made",
      "cronjob",
      "made",
      "--image=busybox",
      "--schedule=@yearly",
      "--",
      "true",
    ],
    ["poddisruptionbudget.policy/made", "pdb", "made", "--selector=app=x", "--min-available=1"],
    [`namespace/made-${namespace}`, "namespace", `made-${namespace}`],
    [
      `priorityclass.scheduling.k8s.io/made-${version}`,
      "priorityclass",
      `made-${version}`,
      "--value=7",
    ],
  ];
  for (const [made, ...words] of lines) {
    assert.is(await kubectl.must(["create", ...words]), `${made} created\n`);
  }
  assert.equal(await dataOf(kubectl, "made"), { a: "b", "words.txt": "from a file" });
  // Since batch/v1beta1 is gone from Kubernetes, kubectl 1.20 must be told the version that it knows.
  const cronJob = kubectl.since(21) ? "cronjob/made" : "cronjob.v1beta1.batch/made";
  assert.is(
    await kubectl.must(["create", "job", "by-hand", `--from=${cronJob}`]),
    "job.batch/by-hand created\n",
  );
  await kubectl.must(["wait", "--for=condition=Complete", "job/by-hand", "--timeout=30s"]);
  const again = await kubectl.fails(["create", "configmap", "made"]);
  assert.match(again, /configmaps "made" already exists/);
  const dry = ["create", "deployment", "dry", "--image=busybox", "--dry-run=server"];
  assert.match(await kubectl.must(dry), /created \(server dry run\)/);
  assert.match(await kubectl.fails(["get", "deployment", "dry"]), /not found/);
});

test("edit, replace and each kind of patch", async (kubectl) => {
  await kubectl.must(apply, { input: configMap("edited", { a: "1" }) });
  const editor = await kubectl.file("editor.sh", '#!/bin/sh\nsed -i \'s/a: "1"/a: "2"/\' "$1"\n');
  const edited = await kubectl.must(["edit", "configmap", "edited"], {
    env: { KUBE_EDITOR: editor },
  });
  assert.is(edited, "configmap/edited edited\n");
  assert.equal(await dataOf(kubectl, "edited"), { a: "2" });
  const still = await kubectl.run(["edit", "cm", "edited"], { env: { KUBE_EDITOR: "true" } });
  assert.match(still.stdout + still.stderr, /Edit cancelled, no changes made/);
  const patches: readonly (readonly [type: string, patch: string])[] = [
    ["strategic", '{"data":{"b":"1"}}'],
    ["merge", '{"data":{"a":null}}'],
    ["json", '[{"op":"add","path":"/data/c","value":"1"}]'],
  ];
  for (const [type, patch] of patches) {
    const done = await kubectl.must(["patch", "cm", "edited", `--type=${type}`, "-p", patch]);
    assert.is(done, "configmap/edited patched\n");
  }
  assert.equal(await dataOf(kubectl, "edited"), { b: "1", c: "1" });
  const whole = await kubectl.must(["replace", "-f", "-"], {
    input: configMap("edited", { z: "1" }),
  });
  assert.is(whole, "configmap/edited replaced\n");
  assert.equal(await dataOf(kubectl, "edited"), { z: "1" });
});

test("label and annotate add, refuse to overwrite, overwrite and remove", async (kubectl) => {
  await kubectl.must(apply, { input: configMap("marked", {}) });
  for (const word of ["label", "annotate"]) {
    const mark = [word, "configmap", "marked"];
    await kubectl.must([...mark, "tier=front"]);
    assert.match(await kubectl.fails([...mark, "tier=back"]), /--overwrite is false/);
    await kubectl.must([...mark, "tier=back", "--overwrite"]);
    const path = `-o=jsonpath={.metadata.${word}s.tier}`.replace("annotates", "annotations");
    assert.is(await kubectl.must(["get", "configmap", "marked", path]), "back");
    await kubectl.must([...mark, "tier-"]);
    assert.is(await kubectl.must(["get", "configmap", "marked", path]), "");
  }
});

test("delete by name, by label, from a file and what is not there", async (kubectl) => {
  const names = ["one", "two", "three"];
  const input = listOf(
    ...names.map((name) => configMap(name, {}, { gone: name === "one" ? "no" : "yes" })),
  );
  await kubectl.must(apply, { input });
  assert.match(await kubectl.must(["delete", "configmap", "one"]), /"one" deleted/);
  const some = await kubectl.must(["delete", "configmap", "-l", "gone=yes"]);
  assert.match(some, /"three" deleted[\s\S]*"two" deleted/);
  assert.match(await kubectl.fails(["delete", "-f", "-"], { input }), /"one" not found/);
  assert.is(await kubectl.must(["delete", "cm", "one", "--ignore-not-found"]), "");
});

test("delete --cascade: with the dependents before or after, or without them", async (kubectl) => {
  const names = ["background", "foreground", "orphan"] as const;
  await Promise.all(names.map((name) => kubectl.must(apply, { input: deployment(name) })));
  const sets = async (app: string): Promise<string> =>
    await kubectl.must(["get", "replicasets", "-l", `app=${app}`, "-o", "name"]);
  for (const name of names) {
    await kubectl.must(["rollout", "status", `deployment/${name}`, "--timeout=30s"]);
    // Before 1.20 the choices were true and false; foreground waits for the dependents.
    await kubectl.must(["delete", "deployment", name, `--cascade=${name}`]);
  }
  assert.is(await sets("foreground"), "");
  assert.match(await sets("orphan"), /^replicaset.apps\/orphan-\w+\n$/);
  await eventually("the dependents to follow", 30_000, async () =>
    (await sets("background")) === "" ? true : undefined,
  );
  await kubectl.must(["delete", "replicaset", "-l", "app=orphan"]);
});

run();
