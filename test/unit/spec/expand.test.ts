import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { expandVariables } from "../../../src/spec/expand.ts";

const values: Record<string, string> = { A: "a", B: "$(A)", EMPTY: "" };
const lookup = (name: string): string | undefined => values[name];

const test = suite("expandVariables()");
// The cases of Kubernetes' own documentation and tests of third_party/forked/golang/expansion.
for (const [text, expected] of [
  ["$(A)", "a"],
  ["x$(A)y$(A)", "xaya"],
  ["$$(A)", "$(A)"],
  ["$$$(A)", "$a"],
  ["$$$$(A)", "$$(A)"],
  ["$(MISSING)", "$(MISSING)"],
  ["$(EMPTY)", ""],
  ["$()", "$()"],
  ["$A", "$A"],
  ["$", "$"],
  ["$$", "$"],
  ["$(A", "$(A"],
  ["$($(A))", "$($(A))"],
  ["$(B)", "$(A)"],
  ["$ (A)", "$ (A)"],
  ["price: 5$", "price: 5$"],
] as const) {
  test(`turns ${text} into ${expected || '""'}`, () => {
    assert.is(expandVariables(text, lookup), expected);
  });
}
test("leaves text without $ alone", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const plain = text.replaceAll("$", "");
      assert.is(expandVariables(plain, lookup), plain);
    }),
  );
});
test("gives doubled dollars back as they were, whatever else the text holds", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."$()AB x") }), (text) => {
      assert.is(expandVariables(text.replaceAll("$", "$$$$"), lookup), text);
    }),
  );
});
test("puts any value in as it is", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      assert.is(
        expandVariables("<$(V)>", () => value),
        `<${value}>`,
      );
    }),
  );
});
test.run();
