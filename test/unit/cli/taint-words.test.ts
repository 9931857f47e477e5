// Taints as words, and what they make of the taints of a node.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { changeTaints, parseTaints } from "../../../src/cli/taint-words.ts";

const test = suite("taintWords");
const node = { name: "n", overwrite: false };
const known = [
  { key: "a", value: "1", effect: "NoSchedule" },
  { key: "a", effect: "NoExecute" },
] as const;

test("words for adding and removing", () => {
  assert.equal(
    parseTaints(["k=v:NoSchedule", "k:NoExecute", "example.com/k=:PreferNoSchedule"]).add,
    [
      { key: "k", value: "v", effect: "NoSchedule" },
      { key: "k", effect: "NoExecute" },
      { key: "example.com/k", effect: "PreferNoSchedule" },
    ],
  );
  assert.equal(parseTaints(["k-", "k:NoExecute-"]).remove, [
    { key: "k" },
    { key: "k", effect: "NoExecute" },
  ]);
  for (const word of ["k=v", "k:Never", ":NoSchedule", "k:NoSchedule:x"]) {
    assert.throws(() => parseTaints([word]), /invalid taint spec/, word);
  }
});

test("a key may have one taint for each effect; removing one leaves the others", () => {
  const after = changeTaints(known, parseTaints(["a:NoExecute-", "b=2:NoSchedule"]), node);
  assert.equal(after, [known[0], { key: "b", value: "2", effect: "NoSchedule" }]);
  assert.equal(changeTaints(known, parseTaints(["a-"]), node), []);
});

test("a taint that is there changes with overwrite only; one that is not cannot be removed", () => {
  const change = parseTaints(["a=2:NoSchedule"]);
  assert.throws(
    () => changeTaints(known, change, node),
    /already has a taint\(s\) with same effect/,
  );
  const changed = changeTaints(known, change, { ...node, overwrite: true });
  assert.equal(changed, [known[1], { key: "a", value: "2", effect: "NoSchedule" }]);
  assert.throws(
    () => changeTaints([], parseTaints(["a:NoExecute-"]), node),
    /taint "a:NoExecute" not found/,
  );
});

test.run();
