// Label and field selectors: grammar, meaning, and that any text is either understood or refused.
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import {
  matchesFields,
  parseFieldSelector,
  selectableFields,
} from "../../../src/apiserver/field-selector.ts";
import {
  type LabelRequirement,
  matchesLabels,
  parseLabelSelector,
} from "../../../src/apiserver/label-selector.ts";
import { RequestProblem } from "../../../src/apiserver/problem.ts";

const labels = suite("parseLabelSelector()");

labels("reads every form", () => {
  assert.equal(parseLabelSelector("a, !b ,c=d,e==f,g != h,i in (j, k),l notin (m),n>1,o<-2"), [
    { key: "a", operator: "exists", values: [] },
    { key: "b", operator: "absent", values: [] },
    { key: "c", operator: "in", values: ["d"] },
    { key: "e", operator: "in", values: ["f"] },
    { key: "g", operator: "notin", values: ["h"] },
    { key: "i", operator: "in", values: ["j", "k"] },
    { key: "l", operator: "notin", values: ["m"] },
    { key: "n", operator: ">", values: ["1"] },
    { key: "o", operator: "<", values: ["-2"] },
  ]);
  assert.equal(parseLabelSelector(""), []);
  assert.equal(parseLabelSelector("  "), []);
  assert.equal(parseLabelSelector("a="), [{ key: "a", operator: "in", values: [""] }]);
  assert.equal(parseLabelSelector("a in (,b)"), [{ key: "a", operator: "in", values: ["", "b"] }]);
  assert.equal(parseLabelSelector("in in (notin)"), [
    { key: "in", operator: "in", values: ["notin"] },
  ]);
  assert.equal(parseLabelSelector("example.com/a=b")[0]?.key, "example.com/a");
});

labels("refuses everything else with a place", () => {
  const wrong = [
    ",",
    "a,",
    ",a",
    "a,,b",
    "=b",
    "a=b=c",
    "a b",
    "a in",
    "a in b",
    "a in (b",
    "a in b)",
    "!a=b",
    "!",
    "a>",
    "a>x",
    "a<1.5",
    "a=b c",
    "(a)",
    "a in ()x",
    "-a",
    "a=b/c",
    "a==!b",
    "a===b",
    "a!b",
    `${"k".repeat(64)}`,
  ];
  for (const text of wrong) {
    try {
      parseLabelSelector(text);
      assert.unreachable(`"${text}" was accepted`);
    } catch (error) {
      assert.ok(error instanceof RequestProblem, `${text}: ${error}`);
      assert.is(error.code, 400);
    }
  }
});

labels("matches as Kubernetes does", () => {
  const set = { app: "web", tier: "", n: "10" };
  const cases: readonly (readonly [string, boolean])[] = [
    ["app=web", true],
    ["app=db", false],
    ["app!=db", true],
    ["none!=x", true],
    ["app", true],
    ["!app", false],
    ["!none", true],
    ["tier=", true],
    ["none=", false],
    ["app in (db,web)", true],
    ["app notin (web)", false],
    ["none notin (web)", true],
    ["none in (web)", false],
    ["n>9", true],
    ["n>10", false],
    ["n<11", true],
    ["app>1", false],
    ["none>1", false],
    ["app=web,n=11", false],
    ["toString", false],
    ["constructor!=x", true],
  ];
  for (const [text, wanted] of cases) {
    assert.is(matchesLabels(parseLabelSelector(text), set), wanted, text);
  }
});

const word = fc.stringMatching(/^[a-z]([a-z0-9.]{0,5}[a-z0-9])?$/);
const plain = { noNullPrototype: true };
const requirement: fc.Arbitrary<LabelRequirement> = fc.oneof(
  fc.record(
    { key: word, operator: fc.constantFrom("exists", "absent"), values: fc.constant([]) },
    plain,
  ),
  fc.record(
    {
      key: word,
      operator: fc.constantFrom("in", "notin"),
      values: fc.array(fc.oneof(word, fc.constant("")), { minLength: 1, maxLength: 3 }),
    },
    plain,
  ),
  fc.record(
    {
      key: word,
      operator: fc.constantFrom(">", "<"),
      values: fc.tuple(fc.integer().map(String)),
    },
    plain,
  ),
);

function format({ key, operator, values }: LabelRequirement, space: string): string {
  if (operator === "exists") return key;
  if (operator === "absent") return `!${space}${key}`;
  if (operator === "in" || operator === "notin") {
    return `${key} ${operator}${space}(${values.join(`${space},`)})`;
  }
  return `${key}${space}${operator}${space}${values[0]}`;
}

labels("reads back what was written, with any spaces", () => {
  fc.assert(
    fc.property(fc.array(requirement), fc.constantFrom("", " ", "  "), (list, space) => {
      const text = list.map((item) => format(item, space)).join(`${space},${space}`);
      assert.equal(parseLabelSelector(text), list);
    }),
  );
});

labels("never does anything but parse or refuse", () => {
  const piece = fc.oneof(
    fc.string(),
    fc.constantFrom("a", "in", "notin", "(", ")", ",", "=", "!", " "),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      try {
        const parsed = parseLabelSelector(pieces.join(""));
        matchesLabels(parsed, { a: "b" });
      } catch (error) {
        assert.ok(error instanceof RequestProblem);
      }
    }),
  );
});

labels.run();

const fields = suite("parseFieldSelector()");
const pod = {
  metadata: { name: "web", namespace: "a,b=c\\d" },
  status: { phase: "Running" },
  spec: {},
};

function selects(text: string): boolean {
  return matchesFields(parseFieldSelector(text, selectableFields("Pod")), pod);
}

fields("matches equal and unequal fields, and absent ones as empty", () => {
  assert.ok(selects("metadata.name=web,status.phase==Running"));
  assert.not(selects("metadata.name!=web"));
  assert.ok(selects("metadata.name!=db"));
  assert.ok(selects("spec.nodeName="));
  assert.not(selects("spec.nodeName=x"));
  assert.ok(selects(""));
  assert.ok(selects("metadata.name=web,"));
});

fields("understands escapes", () => {
  assert.ok(selects("metadata.namespace=a\\,b\\=c\\\\d"));
});

fields("refuses unknown fields and broken terms", () => {
  for (const text of [
    "spec.image=x",
    "metadata.name",
    "metadata.name=a=b",
    "=x",
    "a",
    "metadata.name=\\x",
    "\\",
  ]) {
    assert.throws(
      () => selects(text),
      (error: unknown) => error instanceof RequestProblem && error.code === 400,
      text,
    );
  }
});

fields("reads back any escaped value", () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const escaped = value.replaceAll(/[\\,=]/g, "\\$&");
      const parsed = parseFieldSelector(`metadata.name=${escaped}`, selectableFields("Pod"));
      assert.equal(parsed, [{ field: "metadata.name", isEqual: true, value }]);
    }),
  );
});

fields.run();
