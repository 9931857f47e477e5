import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  childPath,
  isWithin,
  itemPath,
  joinPath,
  splitPath,
} from "../../../src/spec/field-issue.ts";

/** Control, ASCII and other characters; fast-check's "binary" takes a second to set up. */
const anyCharacter = fc.nat(0x7ff).map((code) => String.fromCodePoint(code));

const test = suite("paths of fields");
test("are written as Kubernetes writes them", () => {
  assert.is(
    childPath(itemPath(childPath("spec", "containers"), 0), "image"),
    "spec.containers[0].image",
  );
  assert.is(childPath("metadata.labels", "a.b/c"), 'metadata.labels["a.b/c"]');
  assert.is(joinPath("items[1]", "spec.x"), "items[1].spec.x");
  assert.is(joinPath("items[1]", ""), "items[1]");
});
test("split into the steps that built them", () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string({ unit: anyCharacter }), fc.nat(1000))), (steps) => {
      const path = steps.reduce<string>(
        (built, step) =>
          typeof step === "number" ? itemPath(built, step) : childPath(built, step),
        "",
      );
      assert.equal(splitPath(path), steps);
    }),
  );
});
test("know what lies below them", () => {
  assert.ok(isWithin("spec.volumes[1].name", "spec.volumes[1]"));
  assert.ok(isWithin("spec", ""));
  assert.not.ok(isWithin("spec.volumes[10]", "spec.volumes[1]"));
  assert.not.ok(isWithin("spec.hostPID", "spec.host"));
});
test.run();
