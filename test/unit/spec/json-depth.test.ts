import { suite } from "uvu";
import * as assert from "uvu/assert";
import { jsonDepth } from "../../../src/spec/json-depth.ts";

const depth = suite("jsonDepth()");

depth("counts nesting outside of strings only", () => {
  assert.is(jsonDepth('{"a":[{"b":"[[[\\"[["}]}'), 3);
  assert.is(jsonDepth('"[[["'), 0);
  assert.is(jsonDepth("[[],[[]]]"), 3);
});

depth.run();
