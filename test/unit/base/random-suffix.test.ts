import { suite } from "uvu";
import * as assert from "uvu/assert";
import { randomSuffix } from "../../../src/base/random-suffix.ts";

const test = suite("randomSuffix");

test("five letters that a name may end with, rarely the same", () => {
  const all = Array.from({ length: 200 }, randomSuffix);
  for (const suffix of all) assert.match(suffix, /^[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  // 200 of 14 million: three equal pairs do not happen.
  assert.ok(new Set(all).size > 197);
});

test.run();
