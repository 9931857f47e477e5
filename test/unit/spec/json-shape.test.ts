import { suite } from "uvu";
import * as assert from "uvu/assert";
import { jsonShape, refuseShape } from "../../../src/spec/json-shape.ts";

const shape = suite("jsonShape()");

shape("counts nesting, objects and lists outside of strings only", () => {
  assert.equal(jsonShape('{"a":[{"b":"[[[\\"[["}]}'), { depth: 3, parts: 3 });
  assert.equal(jsonShape('"[[["'), { depth: 0, parts: 0 });
  assert.equal(jsonShape("[[],[[]]]"), { depth: 3, parts: 4 });
});

shape("what is too deep or has too many parts is refused with the limit", () => {
  assert.is(refuseShape({ depth: 100, parts: 100_000 }), undefined);
  assert.is(refuseShape({ depth: 101, parts: 1 }), "is nested more than 100 levels deep");
  assert.is(refuseShape({ depth: 2, parts: 100_001 }), "has more than 100000 objects and lists");
});

shape.run();
