// RFC 7386: the table of its appendix A, and that a patch twice is a patch once.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mergePatch } from "../../../src/spec/merge-patch.ts";

const merging = suite("mergePatch()");

const table: readonly (readonly [original: unknown, patch: unknown, result: unknown])[] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [
    ["a", "b"],
    ["c", "d"],
    ["c", "d"],
  ],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

merging("does what RFC 7386 says", () => {
  for (const [original, patch, result] of table) {
    const before = structuredClone(original);
    assert.equal(mergePatch(original, patch), result, JSON.stringify([original, patch]));
    assert.equal(original, before);
  }
});

merging("twice is once", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (document, patch) => {
      const once = mergePatch(document, patch);
      assert.equal(mergePatch(once, patch), once);
    }),
  );
});

merging("leaves the prototype alone", () => {
  mergePatch({}, JSON.parse('{"__proto__":{"polluted":true}}'));
  assert.is(({} as Record<string, unknown>)["polluted"], undefined);
});
merging.run();
