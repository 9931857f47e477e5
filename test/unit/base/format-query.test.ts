import { suite } from "uvu";
import * as assert from "uvu/assert";
import { formatQuery } from "../../../src/base/format-query.ts";

const test = suite("formatQuery()");

test("escapes, repeats, and leaves out what is undefined", () => {
  assert.is(formatQuery({}), "");
  assert.is(
    formatQuery({ a: "x y", b: ["1", "&"], c: undefined, d: false }),
    "?a=x+y&b=1&b=%26&d=false",
  );
});

test.run();
