import { suite } from "uvu";
import * as assert from "uvu/assert";
import { nearestName } from "../../../src/spec/suggest.ts";

const known = ["image", "imagePullPolicy", "command", "volumeMounts", "env", "tty"];
const test = suite("nearestName()");
for (const [written, expected] of [
  ["imgae", "image"],
  ["Image", "image"],
  ["imagePullpolicy", "imagePullPolicy"],
  ["volumesMount", "volumeMounts"],
  ["envs", "env"],
  ["ty", undefined],
  ["something", undefined],
  ["x".repeat(1000), undefined],
] as const) {
  test(`finds ${String(expected)} for ${written.slice(0, 20)}`, () => {
    assert.is(nearestName(written, known), expected);
  });
}
test.run();
