// An object is read once, when somebody asks for it.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { StoredText } from "../../../src/store/stored-text.ts";

const stored = suite("StoredText");

stored("gives the same object to all", () => {
  const text = new StoredText('{"a":1}');
  const object = text.object<{ readonly a: number }>();
  assert.equal(object, { a: 1 });
  assert.is(text.object(), object);
});

stored("is not read before somebody asks", () => {
  const text = new StoredText("no JSON");
  assert.is(text.text, "no JSON");
  assert.throws(() => text.object(), /JSON/);
});

stored.run();
