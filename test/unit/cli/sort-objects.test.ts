import { suite } from "uvu";
import * as assert from "uvu/assert";
import { sortByField, sortObjects } from "../../../src/cli/sort-objects.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";

const item = (name: string, rest: object = {}): KubernetesObject => ({
  apiVersion: "v1",
  kind: "Thing",
  metadata: { name, namespace: "default", uid: "" },
  ...rest,
});
const names = (items: readonly KubernetesObject[]): readonly string[] =>
  items.map(({ metadata }) => metadata.name);

const sort = suite("sortObjects()");

sort("by namespace and name", () => {
  const other = { ...item("a"), metadata: { name: "a", namespace: "zoo", uid: "" } };
  assert.equal(names(sortObjects([other, item("b"), item("a")])), ["a", "b", "a"]);
});

sort("events by time, then by the order of writing", () => {
  const event = (name: string, lastTimestamp: string, resourceVersion: string): KubernetesObject =>
    ({
      apiVersion: "v1",
      kind: "Event",
      metadata: { name, namespace: "default", uid: "", resourceVersion },
      lastTimestamp,
    }) as KubernetesObject;
  const events = [
    event("c", "2026-01-02", "2"),
    event("b", "2026-01-01", "10"),
    event("a", "2026-01-01", "9"),
  ];
  assert.equal(names(sortObjects(events)), ["a", "b", "c"]);
});

sort("sortByField() knows numbers, quantities and words with numbers", () => {
  const by = (...values: readonly unknown[]): readonly string[] =>
    names(
      sortByField(
        values.map((value) => item(String(value), { spec: { value } })),
        ".spec.value",
      ),
    );
  assert.equal(by(10, 9), ["9", "10"]);
  assert.equal(by("1Gi", "900Mi", "2k"), ["2k", "900Mi", "1Gi"]);
  assert.equal(by("web-10", "web-9"), ["web-9", "web-10"]);
  assert.equal(by("b", undefined, "a"), ["undefined", "a", "b"]);
  assert.throws(() => by(undefined), 'no object has a field ".spec.value"');
});

sort.run();
