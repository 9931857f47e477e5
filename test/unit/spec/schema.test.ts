import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { IssueList } from "../../../src/spec/field-issue.ts";
import { quote } from "../../../src/spec/quote.ts";
import {
  boolean,
  int32,
  int64,
  list,
  map,
  object,
  oneOf,
  orZero,
  quantity,
  required,
  type Schema,
  string,
  timestamp,
} from "../../../src/spec/schema.ts";

/** Control, ASCII and other characters; fast-check's "binary" takes a second to set up. */
const anyCharacter = fc.nat(0x7ff).map((code) => String.fromCodePoint(code));

/** Decodes a value at path "x": the result and the complaints as lines. */
function run<T>(schema: Schema<T>, value: unknown): [T, ...string[]] {
  const found = new IssueList();
  const result = schema.decode(value, "x", found);
  return [result, ...found.issues.map(({ path, message }) => `${path}: ${message}`)];
}

const scalars = suite("scalar schemas");
for (const [name, schema, value, expected] of [
  ["string", string, "", [""]],
  ["string", string, true, ["", "x: must be a string: got true: put it in quotes"]],
  ["string", string, ["a"], ["", "x: must be a string: got a list"]],
  ["string", string, null, ["", 'x: must be a string: got null: write "" for an empty string']],
  ["boolean", boolean, false, [false]],
  ["boolean", boolean, "yes", [false, 'x: must be true or false: got "yes"']],
  ["int32", int32, -5, [-5]],
  ["int32", int32, 2 ** 31, [0, "x: must be between -2147483648 and 2147483647: got 2147483648"]],
  ["int32", int32, 1.5, [0, "x: must be an integer: got 1.5"]],
  ["int32", int32, Number.NaN, [0, "x: must be an integer: got NaN"]],
  ["int32", int32, "5", [0, 'x: must be an integer: got "5": remove the quotes']],
  ["int64", int64, 2 ** 40, [2 ** 40]],
  [
    "int64",
    int64,
    9_223_372_036_854_775_807n,
    [0, "x: must be between -9007199254740991 and 9007199254740991: got 9223372036854775807"],
  ],
  ["quantity", quantity, 0.5, ["0.5"]],
  ["quantity", quantity, " 1Gi ", ["1Gi"]],
  [
    "quantity",
    quantity,
    "1 Gi",
    ["0", 'x: must be a quantity like 500m, 2, 64Mi or 1G: got "1 Gi"'],
  ],
  ["timestamp", timestamp, "2026-01-31T12:00:00.5+02:00", ["2026-01-31T12:00:00.5+02:00"]],
  [
    "timestamp",
    timestamp,
    "2026-13-31T12:00:00Z",
    [
      "2026-13-31T12:00:00Z",
      'x: must be a time like 2026-01-31T12:00:00Z: got "2026-13-31T12:00:00Z"',
    ],
  ],
] as const) {
  scalars(`${name} reads ${typeof value} ${String(value)}`, () => {
    assert.equal(run<unknown>(schema, value), expected);
  });
}
scalars.run();

const composed = suite("composed schemas");
composed("oneOf() lists what there is and knows what there is not yet", () => {
  const schema = oneOf(["A", "B"], ["C"]);
  assert.equal(run<string>(schema, "B"), ["B"]);
  assert.equal(run<string>(schema, "D"), ["A", 'x: must be one of "A", "B": got "D"']);
  assert.equal(run<string>(schema, "C"), [
    "A",
    'x: "C" is a Kubernetes value that nspod does not support yet: use "A", "B"',
  ]);
});
composed("list() keeps the places of bad items", () => {
  assert.equal(run(list(int32), [1, "a", 3]), [[1, 0, 3], 'x[1]: must be an integer: got "a"']);
  assert.equal(run(list(int32), {}), [[], "x: must be a list: got an object"]);
});
composed("map() keeps keys away from the prototype", () => {
  const value = JSON.parse('{"a":"b","__proto__":"c","prototype":"d"}');
  assert.equal(run(map(string), value), [
    { a: "b" },
    "x.__proto__: is not allowed as a key",
    "x.prototype: is not allowed as a key",
  ]);
});
interface Sample {
  readonly name: string;
  readonly uid: string;
  readonly mode?: "a" | "b";
}
const sample = object<Sample>(
  { name: required(string), uid: orZero(string), mode: oneOf(["a", "b"]) },
  { refused: { selfLink: "" } },
);
composed("object() tells missing, unknown and unsupported fields apart", () => {
  assert.equal(run(sample, { name: "n", mode: null }), [{ name: "n", uid: "" }]);
  assert.equal(run(sample, { nme: 1, selfLink: 2, selfLnk: 3 }), [
    { name: "", uid: "" },
    'x.nme: unknown field "nme": did you mean "name"?',
    "x.selfLink: is a Kubernetes field that nspod does not support yet",
    'x.selfLnk: unknown field "selfLnk": did you mean "selfLink"?',
    "x.name: is required",
  ]);
  assert.equal(run(sample, 3), [{ name: "", uid: "" }, "x: must be an object: got 3"]);
});
composed("always give a value of the type, whatever they get", () => {
  fc.assert(
    fc.property(fc.anything({ withBigInt: true, withNullPrototype: true }), (value) => {
      const [result] = run(list(sample), [value]);
      const [item] = result;
      assert.is(typeof item?.name, "string");
      assert.is(typeof item?.uid, "string");
      assert.ok(item?.mode === undefined || ["a", "b"].includes(item.mode));
    }),
  );
});
composed.run();

const quoting = suite("quote()");
quoting("lets no control character through and stays short", () => {
  assert.is(quote('a"b'), '"a\\"b"');
  assert.is(quote("\u001b[31m\u009b\u2028"), '"\\u001b[31m\\u009b\\u2028"');
  assert.is(quote("x".repeat(200)), `"${"x".repeat(80)}…"`);
  fc.assert(
    fc.property(fc.string({ unit: anyCharacter }), (text) => {
      assert.not.match(quote(text), /[\u0000-\u001f\u007f-\u009f]/);
    }),
  );
});
quoting.run();
