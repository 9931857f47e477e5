import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import {
  byteCount,
  canonicalQuantity,
  compareQuantities,
  cpuMillis,
  formatQuantity,
  isQuantity,
  parseQuantity,
} from "../../../src/spec/quantity.ts";

const suffixes = ["n", "u", "m", "", "k", "M", "G", "T", "P", "E"];
const binarySuffixes = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

const quantityText = fc
  .tuple(
    fc.constantFrom("", "-", "+"),
    fc.nat(999_999),
    fc.option(fc.nat(999), { nil: undefined }),
    fc.constantFrom(...suffixes.slice(0, 8), ...binarySuffixes.slice(0, 4), "e3", "E-2", "e+5"),
  )
  .map(
    ([sign, whole, part, suffix]) =>
      `${sign}${whole}${part === undefined ? "" : `.${part}`}${suffix}`,
  );

const canonical = suite("canonicalQuantity()");
for (const [text, expected] of [
  ["0", "0"],
  ["-0", "0"],
  ["0Ki", "0"],
  ["1000", "1k"],
  ["1000m", "1"],
  ["0.5", "500m"],
  [".5", "500m"],
  ["5.", "5"],
  ["+3", "3"],
  ["-1500m", "-1500m"],
  ["1.5Gi", "1536Mi"],
  ["1024Ki", "1Mi"],
  ["1000Ki", "1000Ki"],
  ["0.5Ki", "512"],
  ["1.0001Ki", "1024102400u"],
  ["128974848", "128974848"],
  ["129e6", "129e6"],
  ["129M", "129M"],
  ["123Mi", "123Mi"],
  ["1e3", "1e3"],
  ["1e4", "10e3"],
  ["1E", "1E"],
  ["1E2", "100"],
  ["0.1e3", "100"],
  ["1e-3", "1e-3"],
  ["0.1n", "1n"],
  ["-0.1n", "-1n"],
  ["1e-400", "1e-9"],
  ["4k", "4k"],
  ["100000000000000", "100T"],
] as const) {
  canonical(`writes ${text} as ${expected}`, () => {
    assert.is(canonicalQuantity(text), expected);
  });
}
canonical.run();

const parse = suite("parseQuantity()");
for (const [index, suffix] of suffixes.entries()) {
  parse(`knows the suffix "${suffix}"`, () => {
    assert.is(parseQuantity(`7${suffix}`).nano, 7n * 10n ** BigInt(index * 3));
  });
}
for (const [index, suffix] of binarySuffixes.entries()) {
  parse(`knows the suffix ${suffix}`, () => {
    assert.is(parseQuantity(`3${suffix}`).nano, 3n * 1024n ** BigInt(index + 1) * 10n ** 9n);
  });
}
for (const text of [
  "",
  " 1",
  "1 ",
  "1K",
  "1ki",
  "1mi",
  "e3",
  "1e",
  "1.5.2",
  "--1",
  "1Kii",
  "0x10",
  "1_000",
  "∞",
  "9Ei",
  "1e40",
  "1e99999999999",
  "1".repeat(65),
]) {
  parse(`refuses ${JSON.stringify(text.slice(0, 16))}`, () => {
    assert.is(isQuantity(text), false);
    assert.throws(
      () => parseQuantity(text),
      (error: unknown) => isPodError(error, "InvalidArgument"),
    );
  });
}
parse("takes the largest amount and nothing above it", () => {
  assert.is(isQuantity("9223372036854775807"), true);
  assert.is(isQuantity("9223372036854775808"), false);
});
parse("keeps its value through the canonical text", () => {
  fc.assert(
    fc.property(quantityText, (text) => {
      const quantity = parseQuantity(text);
      const again = parseQuantity(formatQuantity(quantity));
      assert.is(again.nano, quantity.nano, text);
      assert.is(formatQuantity(again), formatQuantity(quantity), text);
    }),
  );
});
parse("orders as the amounts do", () => {
  fc.assert(
    fc.property(fc.integer(), fc.integer(), (a, b) => {
      const order = compareQuantities(parseQuantity(`${a}m`), parseQuantity(`${b}m`));
      assert.is(Math.sign(order), Math.sign(a - b));
    }),
  );
});
parse("never throws anything but PodError", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."0123456789+-.eEKMimnuk ") }), (text) => {
      try {
        parseQuantity(text);
      } catch (error) {
        assert.ok(isPodError(error, "InvalidArgument"));
      }
    }),
  );
});
parse.run();

const numbers = suite("cpuMillis() and byteCount()");
numbers("round up", () => {
  assert.is(cpuMillis("0.5"), 500);
  assert.is(cpuMillis("1n"), 1);
  assert.is(cpuMillis("1500100u"), 1501);
  assert.is(cpuMillis("2"), 2000);
  assert.is(byteCount("64Mi"), 67_108_864);
  assert.is(byteCount("1500m"), 2);
  assert.is(byteCount("1G"), 1_000_000_000);
});
numbers("refuse what a number cannot hold exactly", () => {
  assert.throws(
    () => byteCount("9007199254740992"),
    (error: unknown) => isPodError(error, "InvalidArgument"),
  );
});
numbers.run();
