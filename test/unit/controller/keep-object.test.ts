// Objects that are there as a controller wants them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { keepObject } from "../../../src/controller/keep-object.ts";
import type { ConfigMap } from "../../../src/spec/kubernetes.gen.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const keep = suite("keepObject");
const wish: ConfigMap = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "settings", namespace: "default", uid: "", labels: { by: "us" } },
  data: { key: "value" },
};
const clock = new FakeClock(Date.parse("2026-07-09T14:45:30Z"));
let folder: string;
let store: Store;

keep.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-keep-"));
  store = Store.open(join(folder, "nspod.db"));
});

keep.after.each(() => {
  store[Symbol.dispose]();
  rmSync(folder, { recursive: true });
});

const stored = (): ConfigMap => {
  const found = store.get<ConfigMap>("ConfigMap", "default", "settings");
  if (found === undefined) throw new Error("the object is missing");
  return found;
};

keep("makes what is missing, with an identity", () => {
  keepObject({ store, clock }, wish);
  const { metadata, data } = stored();
  assert.match(metadata.uid, /^[0-9a-f-]{36}$/);
  assert.is(metadata.creationTimestamp, "2026-07-09T14:45:30Z");
  assert.equal(data, { key: "value" });
});

keep("mends what somebody changed, and keeps what they added to the metadata", () => {
  keepObject({ store, clock }, wish);
  const first = stored();
  const metadata = { ...first.metadata, labels: { theirs: "x" }, annotations: { note: "y" } };
  store.update<ConfigMap>({ ...first, metadata, data: { key: "other" } });
  keepObject({ store, clock }, wish);
  const { metadata: mended, data } = stored();
  assert.equal(data, { key: "value" });
  assert.equal(mended.labels, { theirs: "x", by: "us" });
  assert.equal(mended.annotations, { note: "y" });
  assert.is(mended.uid, first.metadata.uid);
});

keep("writes nothing when all is as it should be", () => {
  keepObject({ store, clock }, wish);
  const { resourceVersion } = stored().metadata;
  keepObject({ store, clock }, wish);
  assert.is(stored().metadata.resourceVersion, resourceVersion);
});

keep.run();
