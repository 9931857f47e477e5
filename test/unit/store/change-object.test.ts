// Changes of the object that was looked at, and of no other.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { ConfigMap } from "../../../src/spec/kubernetes.gen.ts";
import { changeObject } from "../../../src/store/change-object.ts";
import { Store } from "../../../src/store/store.ts";

const change = suite("changeObject");
let folder: string;
let store: Store;

change.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-change-"));
  store = Store.open(join(folder, "nspod.db"));
});

change.after.each(() => {
  store[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

function settings(uid: string, data: Record<string, string> = {}): ConfigMap {
  const metadata = { name: "settings", namespace: "default", uid };
  return { apiVersion: "v1", kind: "ConfigMap", metadata, data };
}

function refuse(): never {
  throw new Error("the change was asked for");
}

const stored = (): ConfigMap | undefined => store.get("ConfigMap", "default", "settings");

change("writes what the change makes of the object as it is stored now", () => {
  const seen = store.create(settings("1"));
  store.update<ConfigMap>({ ...seen, data: { by: "another" } });
  const changed = changeObject<ConfigMap>(store, seen, (current) => ({
    ...current,
    data: { ...current.data, more: "x" },
  }));
  assert.equal(changed?.data, { by: "another", more: "x" });
  assert.equal(stored(), changed);
});

change("gives the object as it is when the change wants nothing", () => {
  const seen = store.create(settings("1"));
  assert.equal(
    changeObject<ConfigMap>(store, seen, () => undefined),
    seen,
  );
  assert.equal(stored(), seen);
});

change("leaves another object of the same name alone, and gives none", () => {
  const other = store.create(settings("2"));
  const changed = changeObject<ConfigMap>(store, settings("1"), refuse);
  assert.is(changed, undefined);
  assert.equal(stored(), other);
});

change("gives none when nothing has the name", () => {
  assert.is(changeObject<ConfigMap>(store, settings("1"), refuse), undefined);
});

change.run();
