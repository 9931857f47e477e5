import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { matchesLabels, matchesNode } from "../../../src/spec/match-selector.ts";

const word = fc.constantFrom("a", "b", "c", "constructor", "toString");
const labels = fc.dictionary(word, word, { maxKeys: 3 });

const selectors = suite("matchesLabels()");

selectors("an empty selector fits everything", () => {
  fc.assert(fc.property(labels, (each) => matchesLabels({}, each)));
});

selectors("In and NotIn, Exists and DoesNotExist are opposites", () => {
  fc.assert(
    fc.property(labels, word, fc.array(word), (each, key, values) => {
      const fits = (operator: string): boolean =>
        matchesLabels({ matchExpressions: [{ key, operator, values }] }, each);
      assert.is(fits("In"), !fits("NotIn"));
      assert.is(fits("Exists"), !fits("DoesNotExist"));
      assert.is(fits("Exists"), Object.hasOwn(each, key));
    }),
  );
});

selectors("labels fit the selector that is made of them, with others beside", () => {
  fc.assert(
    fc.property(labels, labels, (wanted, others) =>
      matchesLabels({ matchLabels: wanted }, { ...others, ...wanted }),
    ),
  );
});

selectors.run();

const nodes = suite("matchesNode()");

const node = { name: "n1", labels: { zone: "a", cpus: "8" } };
const fits = (...terms: Parameters<typeof matchesNode>[0]["nodeSelectorTerms"]): boolean =>
  matchesNode({ nodeSelectorTerms: terms }, node);

nodes("one of the terms must fit as a whole, an empty one never does", () => {
  const zone = (value: string) => ({ key: "zone", operator: "In" as const, values: [value] });
  assert.is(fits({ matchExpressions: [zone("b")] }, { matchExpressions: [zone("a")] }), true);
  assert.is(fits({ matchExpressions: [zone("a"), zone("b")] }), false);
  assert.is(fits({}), false);
});

nodes("fields are those of the node, numbers are compared as numbers", () => {
  const byName = { key: "metadata.name", operator: "In" as const, values: ["n1"] };
  assert.is(fits({ matchFields: [byName] }), true);
  assert.is(fits({ matchExpressions: [byName] }), false);
  const cpus = (operator: "Gt" | "Lt", value: string) => ({
    matchExpressions: [{ key: "cpus", operator, values: [value] }],
  });
  assert.is(fits(cpus("Gt", "7")), true);
  assert.is(fits(cpus("Gt", "10")), false);
  assert.is(fits(cpus("Lt", "10")), true);
  assert.is(fits({ matchExpressions: [{ key: "zone", operator: "Gt", values: ["1"] }] }), false);
});

nodes.run();
