import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { resolvePlainScalar } from "../../../src/spec/yaml-scalar.ts";

const test = suite("resolvePlainScalar()");
// What sigs.k8s.io/yaml (go-yaml v2) makes of the same text.
for (const [source, expected] of [
  ["", null],
  ["~", null],
  ["null", null],
  ["nULL", "nULL"],
  ["yes", true],
  ["y", true],
  ["On", true],
  ["TRUE", true],
  ["tRue", "tRue"],
  ["no", false],
  ["off", false],
  ["N", false],
  ["0", 0],
  ["-0", 0],
  ["0644", 420],
  ["0o644", 420],
  ["0899", 899],
  ["0x1F", 31],
  ["0b101", 5],
  ["-17", -17],
  ["+17", 17],
  ["1_000", 1000],
  ["9223372036854775807", 9_223_372_036_854_775_807n],
  ["1.50", 1.5],
  [".5", 0.5],
  ["1e3", 1000],
  ["-.inf", Number.NEGATIVE_INFINITY],
  ["12:30", "12:30"],
  ["1:2:3", "1:2:3"],
  ["2024-01-31", "2024-01-31"],
  ["2024-01-31T10:00:00Z", "2024-01-31T10:00:00Z"],
  ["1.2.3", "1.2.3"],
  ["10.0.0.1", "10.0.0.1"],
  ["64Mi", "64Mi"],
  ["0x", "0x"],
  ["<<", "<<"],
  ["-", "-"],
  ["e3", "e3"],
] as const) {
  test(`reads ${source || '""'} as ${String(expected)}`, () => {
    const value = resolvePlainScalar(source);
    assert.ok(Object.is(value, expected) || (value === 0 && expected === 0), String(value));
  });
}
test("reads .nan as not a number", () => {
  assert.ok(Number.isNaN(resolvePlainScalar(".nan")));
});
test("keeps every integer exactly", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (value) => {
      assert.is(BigInt(resolvePlainScalar(String(value)) as number | bigint), value);
    }),
  );
});
test("reads what JSON writes for a number as that number", () => {
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
      assert.is(Number(resolvePlainScalar(JSON.stringify(value))), Number(JSON.stringify(value)));
    }),
  );
});
test("never throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."0123456789xXoObB_+-.:eEinfaN") }), resolves),
  );
});
function resolves(source: string): boolean {
  return ["string", "number", "bigint", "boolean", "object"].includes(
    typeof resolvePlainScalar(source),
  );
}
test.run();
