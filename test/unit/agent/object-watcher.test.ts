import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ObjectWatcher } from "../../../src/agent/object-watcher.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { Store } from "../../../src/store/store.ts";

const test = suite("ObjectWatcher");

function podWith(uid: string, configMap: string, namespace = "default"): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: uid, namespace, uid },
    spec: { containers: [], volumes: [{ name: "v", configMap: { name: configMap } }] },
  };
}

const object = (kind: string, name: string, namespace = "default") => ({
  apiVersion: "v1",
  kind,
  metadata: { name, namespace, uid: `${kind}-${name}` },
});

test("tells of the pods that refer to what changes, and of no other", () => {
  const folder = mkdtempSync(join(tmpdir(), "nspod-watcher-"));
  try {
    using store = Store.open(join(folder, "db"));
    const told: string[] = [];
    using watcher = new ObjectWatcher({ store, onChange: (uid) => told.push(uid) });
    watcher.track(podWith("one", "a"));
    watcher.track(podWith("two", "a"));
    watcher.track(podWith("far", "a", "other"));
    watcher.track(podWith("else", "b"));
    const created = store.create(object("ConfigMap", "a"));
    assert.equal(told.splice(0).sort(), ["one", "two"]);
    store.update({ ...created, data: { k: "v" } });
    assert.equal(told.splice(0).sort(), ["one", "two"]);
    store.create(object("Secret", "a"));
    store.create(object("Pod", "a"));
    assert.equal(told, []);
    // New references replace the old ones.
    watcher.track(podWith("one", "b"));
    watcher.forget("two");
    store.delete("ConfigMap", "default", "a");
    assert.equal(told, []);
    store.create(object("ConfigMap", "b"));
    assert.equal(told.splice(0).sort(), ["else", "one"]);
    watcher[Symbol.dispose]();
    store.delete("ConfigMap", "default", "b");
    assert.equal(told, []);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test.run();
