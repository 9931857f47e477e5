// Owners and dependents by deletion policy, also when the daemon was away.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { deleteObject } from "../../../src/store/delete-object.ts";
import { Controllers, ownedBy } from "./controllers.ts";

const collector = suite("GarbageCollector");
let all: Controllers;

collector.before.each(() => {
  all = new Controllers();
});

collector.after.each(() => {
  all.stop();
});

function remove(name: string, propagationPolicy?: "Background" | "Foreground" | "Orphan"): void {
  const object = { kind: "ConfigMap", metadata: { name, namespace: "default", uid: "" } };
  deleteObject(all.store, object, {
    nowMs: 0,
    ...(propagationPolicy !== undefined && { propagationPolicy }),
  });
}

collector("takes dependents of an owner that is gone, and theirs", async () => {
  all.start();
  const owner = all.create("ConfigMap", "owner");
  const middle = all.create("ConfigMap", "middle", { ownerReferences: ownedBy(owner) });
  all.create("Secret", "leaf", { ownerReferences: ownedBy(middle) });
  all.create("Secret", "free");
  assert.ok(await all.has("Secret", "leaf"));
  remove("owner");
  assert.not(await all.has("ConfigMap", "middle"));
  assert.not(await all.has("Secret", "leaf"));
  assert.ok(await all.has("Secret", "free"));
});

collector("keeps what has another owner, which is the only one then", async () => {
  all.start();
  const [one, two] = [all.create("ConfigMap", "one"), all.create("ConfigMap", "two")];
  all.create("Secret", "leaf", { ownerReferences: ownedBy(one, two) });
  remove("one");
  assert.ok(await all.has("Secret", "leaf"));
  const leaf = all.store.get<typeof one>("Secret", "default", "leaf");
  assert.equal(leaf?.metadata.ownerReferences, ownedBy(two));
  remove("two");
  assert.not(await all.has("Secret", "leaf"));
});

collector("takes what names an owner that never was, or another incarnation of it", async () => {
  all.start();
  const owner = all.create("ConfigMap", "owner");
  const other = { ...owner, metadata: { ...owner.metadata, uid: "other" } };
  all.create("Secret", "leaf", { ownerReferences: ownedBy(other) });
  assert.not(await all.has("Secret", "leaf"));
});

collector("leaves what has an owner of a kind that nspod does not know", async () => {
  all.start();
  const owner = {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name: "a", namespace: "default", uid: "u" },
  };
  all.create("Secret", "leaf", { ownerReferences: ownedBy(owner) });
  assert.ok(await all.has("Secret", "leaf"));
});

collector("Foreground: the owner waits for its dependents", async () => {
  all.start();
  const owner = all.create("ConfigMap", "owner");
  all.create("Secret", "leaf", { ownerReferences: ownedBy(owner), finalizers: ["example.com/x"] });
  remove("owner", "Foreground");
  assert.ok(await all.has("ConfigMap", "owner"));
  const leaf = all.store.get<typeof owner>("Secret", "default", "leaf");
  assert.ok(leaf?.metadata.deletionTimestamp);
  all.store.delete("Secret", "default", "leaf");
  assert.not(await all.has("ConfigMap", "owner"));
});

collector("Foreground: a dependent with an owner that stays loses the other", async () => {
  all.start();
  const [one, two] = [all.create("ConfigMap", "one"), all.create("ConfigMap", "two")];
  all.create("Secret", "leaf", { ownerReferences: ownedBy(one, two) });
  remove("one", "Foreground");
  assert.not(await all.has("ConfigMap", "one"));
  const leaf = all.store.get<typeof one>("Secret", "default", "leaf");
  assert.is(leaf?.metadata.deletionTimestamp, undefined);
  assert.equal(leaf?.metadata.ownerReferences, ownedBy(two));
});

collector("Foreground: owners that both go do not keep what they have in common", async () => {
  all.start();
  const [one, two] = [all.create("ConfigMap", "one"), all.create("ConfigMap", "two")];
  all.create("Secret", "leaf", { ownerReferences: ownedBy(one, two) });
  for (const name of ["one", "two"]) remove(name, "Foreground");
  assert.not(await all.has("Secret", "leaf"));
  for (const name of ["one", "two"]) assert.not(await all.has("ConfigMap", name));
});

collector("Orphan: dependents stay and forget their owner", async () => {
  all.start();
  const owner = all.create("ConfigMap", "owner");
  all.create("Secret", "leaf", { ownerReferences: ownedBy(owner) });
  remove("owner", "Orphan");
  assert.not(await all.has("ConfigMap", "owner"));
  assert.ok(await all.has("Secret", "leaf"));
  const leaf = all.store.get<typeof owner>("Secret", "default", "leaf");
  assert.is(leaf?.metadata.ownerReferences, undefined);
});

collector("finishes what an earlier daemon began", async () => {
  const owner = all.create("ConfigMap", "owner");
  all.create("Secret", "leaf", { ownerReferences: ownedBy(owner) });
  all.create("Secret", "lost", {
    ownerReferences: ownedBy({ ...owner, metadata: { ...owner.metadata, uid: "x" } }),
  });
  remove("owner", "Foreground");
  all.start();
  for (const [kind, name] of [
    ["ConfigMap", "owner"],
    ["Secret", "leaf"],
    ["Secret", "lost"],
  ] as const) {
    assert.not(await all.has(kind, name), name);
  }
});
collector.run();
