// Paths and queries of hostile clients.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { RequestProblem } from "../../../src/apiserver/problem.ts";
import { Query } from "../../../src/apiserver/query.ts";
import { findRoute } from "../../../src/apiserver/router.ts";
import { parseTarget } from "../../../src/apiserver/target.ts";

function codeOf(work: () => unknown): number {
  try {
    work();
    return 200;
  } catch (error) {
    if (error instanceof RequestProblem) return error.code;
    throw error;
  }
}

const target = suite("parseTarget()");

target("decodes segments and parameters once", () => {
  assert.equal(parseTarget("/api/v1/pods?labelSelector=a%3Db%2Cc&x=1+2&x=%2525&flag"), {
    segments: ["api", "v1", "pods"],
    parameters: [
      ["labelSelector", "a=b,c"],
      ["x", "1 2"],
      ["x", "%25"],
      ["flag", ""],
    ],
  });
  assert.equal(parseTarget("/api/v1/names%70aces").segments, ["api", "v1", "namespaces"]);
});

target("knows no path with anything odd in it", () => {
  const odd = [
    "%2f",
    "%2F",
    "a%2fb",
    "..",
    ".",
    "%2e%2e",
    "%2e",
    "%00",
    "a%00",
    "%5c",
    "\\",
    "%c0%af",
    "%c0%ae",
    "%e0%80%af",
    "%ff",
    "%",
    "%2",
    "%zz",
    "",
    "a b",
    "a%20b",
    "a%0ab",
    "a%0d",
    "%7f",
    "a;b",
    "a:b",
    "a@b",
    "~",
    "a~",
    "%25",
    "a%252f",
    "é",
    "%c3%a9",
    "a*",
    "$",
    "-a",
    "a-",
    ".a",
    "a.",
    "_",
    "a".repeat(254),
  ];
  const shapes = [
    (x: string) => `/${x}`,
    (x: string) => `/api/v1/namespaces/${x}/pods`,
    (x: string) => `/api/v1/namespaces/default/pods/${x}`,
    (x: string) => `/api/v1/namespaces/default/pods/${x}/log`,
    (x: string) => `/api/${x}/namespaces/default/pods`,
  ];
  for (const part of odd) {
    for (const shape of shapes) {
      assert.is(
        codeOf(() => parseTarget(shape(part))),
        404,
        shape(part),
      );
    }
  }
  for (const url of ["", "*", "api", "http://x/api", "//", "/api/"]) {
    assert.is(
      codeOf(() => parseTarget(url)),
      404,
      url,
    );
  }
});

target("is either refused or made of plain segments", () => {
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("/", "%2f", "%00", "..", "?", "&", "=", "%", "a", "pods"),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      let result: ReturnType<typeof parseTarget>;
      try {
        result = parseTarget(`/${pieces.join("")}`);
      } catch (error) {
        assert.ok(error instanceof RequestProblem && [400, 404].includes(error.code));
        return;
      }
      for (const segment of result.segments) assert.match(segment, /^[A-Za-z0-9._-]+$/);
      for (const [name, value] of result.parameters) assert.not.match(name + value, /\0/);
    }),
  );
});

target("query values come back as they were sent", () => {
  const value = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\0"));
  fc.assert(
    fc.property(fc.array(value), (values) => {
      const search = new URLSearchParams(values.map((text): [string, string] => ["v", text]));
      const { parameters } = parseTarget(`/a?${search}`);
      assert.equal(
        parameters.map(([, text]) => text),
        values.map((text) => text.toWellFormed()),
      );
    }),
  );
});

target("refuses a query with NUL or broken encoding", () => {
  for (const query of ["a=%00", "%00=a", "a=%", "a=%ff", "a=%c0%80"]) {
    assert.is(
      codeOf(() => parseTarget(`/api?${query}`)),
      400,
      query,
    );
  }
});

target.run();

const query = suite("Query");

query("refuses what the route does not know, and repetition", () => {
  assert.is(
    codeOf(() => new Query([["a", "1"]], [])),
    400,
  );
  assert.is(
    codeOf(
      () =>
        new Query(
          [
            ["a", "1"],
            ["a", "2"],
          ],
          ["a"],
        ),
    ),
    400,
  );
  assert.equal(
    new Query(
      [
        ["a", "1"],
        ["a", "2"],
      ],
      ["a[]"],
    ).list("a"),
    ["1", "2"],
  );
});

query("reads flags, numbers and choices strictly", () => {
  const read = (value: string) => new Query([["v", value]], ["v"]);
  assert.equal(
    ["true", "1", "", "false", "0"].map((v) => read(v).flag("v")),
    [true, true, true, false, false],
  );
  assert.is(
    codeOf(() => read("yes").flag("v")),
    400,
  );
  assert.is(read("7").integer("v", 0), 7);
  for (const bad of ["-1", "1.5", "1e3", " 1", "0x1", "9".repeat(16)]) {
    assert.is(
      codeOf(() => read(bad).integer("v", 0)),
      400,
      bad,
    );
  }
  assert.is(
    codeOf(() => read("0").integer("v", 1)),
    400,
  );
  assert.is(read("b").oneOf("v", ["a", "b"]), "b");
  assert.is(
    codeOf(() => read("c").oneOf("v", ["a", "b"])),
    400,
  );
  assert.is(
    codeOf(() => read("").required("v")),
    400,
  );
});

query.run();

const route = suite("findRoute()");
const table = [
  { method: "GET", path: "/v1/{namespace}/pods/{name}" },
  { method: "PUT", path: "/v1/{namespace}/pods/{name}" },
] as const;

route("gives the parameters of the path", () => {
  const { parameters } = findRoute(table, "PUT", ["v1", "default", "pods", "web.1"]);
  assert.is(parameters.get("namespace"), "default");
  assert.is(parameters.get("name"), "web.1");
});

route("tells a wrong method from a wrong path", () => {
  assert.is(
    codeOf(() => findRoute(table, "DELETE", ["v1", "default", "pods", "a"])),
    405,
  );
  assert.is(
    codeOf(() => findRoute(table, "GET", ["v1", "default", "pods"])),
    404,
  );
  assert.is(
    codeOf(() => findRoute(table, "GET", ["v1", "Default", "pods", "a"])),
    404,
  );
  assert.is(
    codeOf(() => findRoute(table, "GET", ["v1", "a.b", "pods", "a"])),
    404,
  );
  assert.is(
    codeOf(() => findRoute(table, "GET", ["v1", "default", "pods", "a..b"])),
    404,
  );
});

route.run();
