// Server-side apply: what is merged, who has what, what goes and what collides.
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  type FieldPath,
  fieldsOf,
  pathsOf,
  treeOf,
  valueAt,
  withoutField,
} from "../../../src/spec/field-set.ts";
import {
  type Applied,
  afterUpdate,
  applyConfiguration,
  type FieldManager,
} from "../../../src/spec/server-side-apply.ts";

const apply = suite("applyConfiguration()");

type Json = Readonly<Record<string, unknown>>;

function as(
  manager: string,
  current: Json,
  configuration: Json,
  managers?: readonly FieldManager[],
): Applied {
  const wish = { current, configuration, kind: "Pod", managers };
  return applyConfiguration(wish, { manager, apiVersion: "v1", time: "now" });
}

function pod(...containers: readonly Json[]): Json {
  return { spec: { containers } };
}

apply("makes what is not there and says whose it is", () => {
  const { object, managers, conflicts } = as("a", {}, pod({ name: "web", image: "one" }), []);
  assert.equal(object, pod({ name: "web", image: "one" }));
  assert.equal(conflicts, []);
  assert.equal(managers, [
    {
      manager: "a",
      operation: "Apply",
      apiVersion: "v1",
      time: "now",
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:spec": {
          "f:containers": { 'k:{"name":"web"}': { ".": {}, "f:name": {}, "f:image": {} } },
        },
      },
    },
  ]);
});

apply("merges items by key, and leaves what others have", () => {
  const first = as("a", {}, pod({ name: "web", image: "one" }), []);
  const added = pod({ name: "web", tty: true }, { name: "side", image: "two" });
  const { object, managers } = as("b", first.object, added, first.managers);
  assert.equal(
    object,
    pod({ name: "web", image: "one", tty: true }, { name: "side", image: "two" }),
  );
  assert.equal(
    managers.map(({ manager }) => manager),
    ["a", "b"],
  );
});

apply("what a writer no longer wants goes, unless somebody else has it", () => {
  const first = as("a", {}, { metadata: { labels: { mine: "1", ours: "2" } } }, []);
  const labels = { metadata: { labels: { ours: "2" } } };
  const second = as("b", first.object, labels, first.managers);
  const third = as("a", second.object, { metadata: {} }, second.managers);
  assert.equal(third.object, labels);
  const last = as("b", third.object, {}, third.managers);
  assert.equal(last.object, { metadata: { labels: {} } });
});

apply("an item stays with its key while somebody has a field of it", () => {
  const first = as("a", {}, pod({ name: "web", image: "one" }), []);
  const second = as("b", first.object, pod({ name: "web", tty: true }), first.managers);
  const third = as("a", second.object, {}, second.managers);
  assert.equal(third.object, pod({ name: "web", tty: true }));
  assert.equal(as("b", third.object, {}, third.managers).object, pod());
});

apply("another value is a conflict, and by force the field changes hands", () => {
  const first = as("a", {}, pod({ name: "web", image: "one" }), []);
  const second = as("b", first.object, pod({ name: "web", image: "two" }), first.managers);
  assert.equal(second.conflicts, [{ manager: "a", field: '.spec.containers[name="web"].image' }]);
  assert.equal(second.object, pod({ name: "web", image: "two" }));
  const third = as("a", second.object, pod({ name: "web" }), second.managers);
  assert.equal(third.object, pod({ name: "web", image: "two" }));
});

apply("what was there before anybody applied belongs to nobody's apply", () => {
  const { conflicts } = as(
    "a",
    pod({ name: "web", image: "one" }),
    pod({ name: "web", image: "x" }),
  );
  assert.equal(conflicts, [
    { manager: "before-first-apply", field: '.spec.containers[name="web"].image' },
  ]);
});

apply("what kubectl applied by itself goes on being its own when the server applies", () => {
  const configuration = { metadata: { labels: { x: "1", y: "1" } } };
  const text = JSON.stringify(configuration);
  const annotations = { "kubectl.kubernetes.io/last-applied-configuration": text };
  const current = { metadata: { labels: { x: "1", y: "1", z: "1" }, annotations } };
  const wish = { metadata: { labels: { x: "2" } } };
  const applied = as("kubectl", current, wish);
  assert.equal(applied.conflicts, []);
  assert.equal(applied.object, { metadata: { labels: { x: "2", z: "1" }, annotations } });
  const more = as("kubectl", current, { metadata: { labels: { z: "2" } } });
  assert.equal(more.conflicts, [{ manager: "before-first-apply", field: ".metadata.labels.z" }]);
  assert.equal(as("other", current, wish).conflicts.length, 1);
  const book: readonly FieldManager[] = as("other", current, {
    metadata: { labels: { y: "1" } },
  }).managers;
  assert.equal(as("kubectl", current, wish, book).conflicts, []);
  const broken = { "kubectl.kubernetes.io/last-applied-configuration": "{" };
  const damaged = { metadata: { labels: { x: "1" }, annotations: broken } };
  assert.equal(as("kubectl", damaged, wish).conflicts.length, 1);
});

apply("a change of another way takes the field", () => {
  const first = as("a", {}, { metadata: { labels: { x: "1", y: "1" } } }, []);
  const next = { metadata: { labels: { x: "2", y: "1" } } };
  const wish = { current: first.object, next, kind: "Pod", managers: first.managers };
  const managers = afterUpdate(wish, { manager: "edit", apiVersion: "v1", time: "now" });
  const { conflicts } = as("a", next, { metadata: { labels: { x: "1", y: "1" } } }, managers);
  assert.equal(conflicts, [{ manager: "edit", field: ".metadata.labels.x" }]);
});

apply("no book is begun by a change", () => {
  const wish = { current: {}, next: { data: { a: "1" } }, kind: "ConfigMap", managers: undefined };
  assert.is(afterUpdate(wish, { manager: "m", apiVersion: "v1", time: "now" }), undefined);
});

const name = fc.stringMatching(/^[a-z]{1,3}$/);
const container = fc.record(
  { name, image: name, tty: fc.boolean(), args: fc.array(name, { maxLength: 2 }) },
  { requiredKeys: ["name"] },
);
const configuration = fc
  .record({
    metadata: fc.record({ labels: fc.dictionary(name, name) }),
    spec: fc.record({
      containers: fc.uniqueArray(container, { selector: (item) => item.name, maxLength: 3 }),
    }),
  })
  // Plain JSON: without null prototypes.
  .map((value): Json => JSON.parse(JSON.stringify(value)) as Json);

apply("applying the same twice changes nothing, and everything applied is there", () => {
  fc.assert(
    fc.property(configuration, configuration, (base, wish) => {
      const first = as("a", {}, base, []);
      const once = as("b", first.object, wish, first.managers);
      const twice = as("b", once.object, wish, once.managers);
      assert.equal(twice.object, once.object);
      assert.equal(twice.managers, once.managers);
      assert.equal(twice.conflicts, []);
      for (const path of fieldsOf(wish, "Pod")) {
        const isPlace = path.at(-1) === "f:labels" || path.at(-1) === "f:containers";
        // Empty, it leaves what others have there.
        if (isPlace || path.at(-1)?.startsWith("k:")) continue;
        assert.equal(valueAt(once.object, path) ?? null, valueAt(wish, path) ?? null);
      }
    }),
  );
});

apply("sets of fields come back from their tree, and a field that is removed is gone", () => {
  fc.assert(
    fc.property(configuration, (object) => {
      const paths = fieldsOf(object, "Pod");
      const sorted = (list: readonly FieldPath[]) => list.map((path) => path.join("\0")).sort();
      assert.equal(sorted(pathsOf(treeOf(paths))), sorted(paths));
      for (const path of paths) assert.is(valueAt(withoutField(object, path), path), undefined);
    }),
  );
});

apply.run();
