// Which objects stay in memory.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RecentObjects } from "../../../src/store/recent-objects.ts";
import { StoredText } from "../../../src/store/stored-text.ts";

const recent = suite("RecentObjects");

recent("keeps those that were asked for or written last", () => {
  const objects = new RecentObjects(2);
  const [a, b, c] = ["1", "2", "3"].map((text) => new StoredText(text)) as [
    StoredText,
    StoredText,
    StoredText,
  ];
  objects.set("Thing", "n", "a", a);
  objects.set("Thing", "n", "b", b);
  assert.is(objects.get("Thing", "n", "a"), a);
  objects.set("Thing", "n", "c", c);
  assert.is(objects.get("Thing", "n", "b"), undefined);
  assert.is(objects.get("Thing", "n", "a"), a);
  assert.is(objects.get("Thing", "n", "c"), c);
});

recent("knows kind, namespace and name apart", () => {
  const objects = new RecentObjects();
  const body = new StoredText("{}");
  objects.set("Thing", "n", "a", body);
  assert.is(objects.get("Other", "n", "a"), undefined);
  assert.is(objects.get("Thing", "m", "a"), undefined);
  assert.is(objects.get("Thing", "n", "b"), undefined);
  assert.is(objects.get("Thing", "n", "a"), body);
});

recent("forgets what is deleted", () => {
  const objects = new RecentObjects();
  objects.set("Thing", "n", "a", new StoredText("{}"));
  objects.delete("Thing", "n", "a");
  assert.is(objects.get("Thing", "n", "a"), undefined);
});

recent.run();
