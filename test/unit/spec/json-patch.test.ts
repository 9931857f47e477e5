// RFC 6902, with the examples of its appendix A, and what must not happen to the document.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { jsonPatch } from "../../../src/spec/json-patch.ts";

const patching = suite("jsonPatch()");

const examples: readonly (readonly [string, unknown, readonly object[], unknown])[] = [
  [
    "A.1 adds a member",
    { foo: "bar" },
    [{ op: "add", path: "/baz", value: "qux" }],
    { baz: "qux", foo: "bar" },
  ],
  [
    "A.2 adds an item",
    { foo: ["bar", "baz"] },
    [{ op: "add", path: "/foo/1", value: "qux" }],
    { foo: ["bar", "qux", "baz"] },
  ],
  [
    "A.3 removes a member",
    { baz: "qux", foo: "bar" },
    [{ op: "remove", path: "/baz" }],
    { foo: "bar" },
  ],
  [
    "A.4 removes an item",
    { foo: ["bar", "qux", "baz"] },
    [{ op: "remove", path: "/foo/1" }],
    { foo: ["bar", "baz"] },
  ],
  [
    "A.5 replaces",
    { baz: "qux", foo: "bar" },
    [{ op: "replace", path: "/baz", value: "boo" }],
    { baz: "boo", foo: "bar" },
  ],
  [
    "A.6 moves a member",
    { foo: { bar: "baz", waldo: "fred" }, qux: { corge: "grault" } },
    [{ op: "move", from: "/foo/waldo", path: "/qux/thud" }],
    { foo: { bar: "baz" }, qux: { corge: "grault", thud: "fred" } },
  ],
  [
    "A.7 moves an item",
    { foo: ["all", "grass", "cows", "eat"] },
    [{ op: "move", from: "/foo/1", path: "/foo/3" }],
    { foo: ["all", "cows", "eat", "grass"] },
  ],
  [
    "A.8 tests",
    { baz: "qux", foo: ["a", 2, "c"] },
    [
      { op: "test", path: "/baz", value: "qux" },
      { op: "test", path: "/foo/1", value: 2 },
    ],
    { baz: "qux", foo: ["a", 2, "c"] },
  ],
  [
    "A.10 adds a nested member",
    { foo: "bar" },
    [{ op: "add", path: "/child", value: { grandchild: {} } }],
    { foo: "bar", child: { grandchild: {} } },
  ],
  [
    "A.11 ignores what it does not know",
    { foo: "bar" },
    [{ op: "add", path: "/baz", value: "qux", xyz: 123 }],
    { foo: "bar", baz: "qux" },
  ],
  [
    "A.14 reads ~01 as ~1",
    { "/": 9, "~1": 10 },
    [{ op: "test", path: "/~01", value: 10 }],
    { "/": 9, "~1": 10 },
  ],
  [
    "A.16 adds a list as one item",
    { foo: ["bar"] },
    [{ op: "add", path: "/foo/-", value: ["abc"] }],
    { foo: ["bar", ["abc"]] },
  ],
  [
    "copies",
    { a: { b: 1 } },
    [{ op: "copy", from: "/a", path: "/c" }],
    { a: { b: 1 }, c: { b: 1 } },
  ],
  ["replaces the document", { a: 1 }, [{ op: "replace", path: "", value: { b: 2 } }], { b: 2 }],
];

for (const [name, document, patch, expected] of examples) {
  patching(name, () => {
    const before = structuredClone(document);
    assert.equal(jsonPatch(document, patch), expected);
    assert.equal(document, before, "the document stays as it is");
  });
}

const refused: readonly (readonly [string, unknown])[] = [
  ["A.9 a test that fails", [{ op: "test", path: "/baz", value: "bar" }]],
  ["A.12 a place in nothing", [{ op: "add", path: "/no/bat", value: "qux" }]],
  ["A.15 text instead of a number", [{ op: "test", path: "/n", value: "10" }]],
  ["an item beyond the end", [{ op: "add", path: "/list/3", value: 1 }]],
  ["an index with a leading zero", [{ op: "remove", path: "/list/01" }]],
  ["a negative index", [{ op: "remove", path: "/list/-1" }]],
  ["the place behind the end", [{ op: "remove", path: "/list/-" }]],
  ["what is not there", [{ op: "remove", path: "/none" }]],
  ["a move into itself", [{ op: "move", from: "/baz", path: "/baz/x" }]],
  ["an unknown operation", [{ op: "merge", path: "/baz" }]],
  ["an operation without a value", [{ op: "add", path: "/x" }]],
  ["a pointer without a slash", [{ op: "remove", path: "baz" }]],
  ["what is no list", { op: "remove", path: "/baz" }],
  ["the prototype", [{ op: "remove", path: "/__proto__/toString" }]],
  [
    "10,001 operations",
    Array.from({ length: 10_001 }, () => ({ op: "test", path: "/n", value: 10 })),
  ],
];

for (const [name, patch] of refused) {
  patching(`refuses ${name}`, () => {
    assert.throws(
      () => jsonPatch({ baz: "qux", n: 10, list: [1, 2] }, patch),
      (error: unknown) => isPodError(error, "InvalidArgument"),
    );
  });
}

patching("leaves the prototype alone", () => {
  const made = jsonPatch({}, [{ op: "add", path: "/__proto__", value: { polluted: true } }]);
  assert.is(({} as Record<string, unknown>)["polluted"], undefined);
  assert.equal(Object.keys(made as object), ["__proto__"]);
});

patching("add and remove undo each other anywhere", () => {
  const key = fc
    .string({ maxLength: 4 })
    .map((text) => text.replaceAll("~", "~0").replaceAll("/", "~1"));
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue(), { noNullPrototype: true }),
      key,
      fc.jsonValue(),
      (document, step, value) => {
        const path = `/new${step}`;
        fc.pre(!Object.hasOwn(document, `new${step.replaceAll("~1", "/").replaceAll("~0", "~")}`));
        const added = jsonPatch(document, [{ op: "add", path, value }]);
        assert.equal(
          jsonPatch(added, [
            { op: "test", path, value },
            { op: "remove", path },
          ]),
          document,
        );
      },
    ),
  );
});

patching("throws nothing but InvalidArgument, whatever the patch", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), (document, patch) => {
      try {
        jsonPatch(document, patch);
      } catch (error) {
        assert.ok(isPodError(error, "InvalidArgument"), String(error));
      }
    }),
  );
});
patching.run();
