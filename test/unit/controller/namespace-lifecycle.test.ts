// A namespace and what is in it: the default service account, and the end.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Namespace } from "../../../src/spec/kubernetes.gen.ts";
import { deleteObject } from "../../../src/store/delete-object.ts";
import { Controllers } from "./controllers.ts";

const lifecycle = suite("NamespaceLifecycle");
let all: Controllers;

lifecycle.before.each(() => {
  all = new Controllers();
});

lifecycle.after.each(() => {
  all.stop();
});

function newNamespace(): Namespace {
  return all.store.create<Namespace>({
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "web", namespace: "", uid: "uid-web" },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  });
}

lifecycle("every cluster begins with four namespaces, once", async () => {
  all.start();
  const names = all.store.list<Namespace>("Namespace").items.map(({ metadata }) => metadata.name);
  assert.equal(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
  for (const name of names) assert.ok(await all.has("ServiceAccount", "default", name), name);
});

lifecycle("gives the default service account back", async () => {
  all.start();
  all.store.delete("ServiceAccount", "default", "default");
  assert.ok(await all.has("ServiceAccount", "default"));
});

lifecycle("empties a namespace before it goes, and waits for finalizers and pods", async () => {
  all.start();
  const namespace = newNamespace();
  all.create("ConfigMap", "a", { namespace: "web" });
  all.create("Event", "e", { namespace: "web" });
  all.create("Secret", "held", { namespace: "web", finalizers: ["example.com/x"] });
  all.store.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "web", uid: "uid-p" },
    spec: { nodeName: "n1", containers: [], terminationGracePeriodSeconds: 7 },
  });
  all.create("ConfigMap", "other");
  const deletion = deleteObject<Namespace>(all.store, namespace, { nowMs: 0 });
  assert.is(deletion?.object.status?.phase, "Terminating");
  assert.not(await all.has("ConfigMap", "a", "web"));
  assert.ok(await all.has("Namespace", "web", ""));
  assert.ok(await all.has("Event", "e", "web"), "events go last");
  const pod = all.store.get<Namespace>("Pod", "web", "p");
  assert.is(pod?.metadata.deletionGracePeriodSeconds, 7);
  all.store.delete("Pod", "web", "p");
  all.store.delete("Secret", "web", "held");
  assert.not(await all.has("Namespace", "web", ""));
  assert.not(await all.has("Event", "e", "web"));
  assert.ok(await all.has("ConfigMap", "other"));
});

lifecycle("finishes what an earlier daemon began", async () => {
  const namespace = newNamespace();
  all.create("ConfigMap", "a", { namespace: "web" });
  deleteObject(all.store, namespace, { nowMs: 0 });
  all.start();
  assert.not(await all.has("Namespace", "web", ""));
  assert.not(await all.has("ConfigMap", "a", "web"));
});
lifecycle.run();
