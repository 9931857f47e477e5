import { suite } from "uvu";
import * as assert from "uvu/assert";
import { parseFieldPath } from "../../../src/cli/commands/api.ts";
import { type ApiDocument, explainSchema } from "../../../src/cli/explain-schema.ts";

const reference = (name: string) => ({ allOf: [{ $ref: `#/components/schemas/${name}` }] });

const document: ApiDocument = {
  components: {
    schemas: {
      "io.example.Shop": {
        type: "object",
        description: "Shop sells.",
        properties: {
          spec: { description: "What it sells.", ...reference("io.example.ShopSpec") },
          kind: { type: "string" },
        },
        "x-kubernetes-group-version-kind": [{ group: "example.com", version: "v1", kind: "Shop" }],
      },
      "io.example.ShopSpec": {
        type: "object",
        description: "ShopSpec is what a shop sells.",
        properties: {
          doors: { type: "array", items: reference("io.example.Door") },
          since: reference("io.example.Time"),
          mode: { type: "string", enum: ["", "A", "B", "C", "D"] },
          prices: { type: "object", additionalProperties: reference("io.example.Quantity") },
        },
        required: ["doors"],
      },
      "io.example.Door": {
        type: "object",
        properties: {
          open: {
            type: "boolean",
            description: `Whether it is ${"really ".repeat(12)}open.\n\n - a list stays where it is`,
          },
        },
      },
      "io.example.Time": { type: "string" },
      "io.example.Quantity": {},
    },
  },
};

const shop = { apiVersion: "example.com/v1", kind: "Shop", isRecursive: false };

const explain = suite("explainSchema()");

explain("a kind has kubectl's head, and its fields by name", () => {
  assert.is(
    explainSchema(document, { ...shop, path: [] }),
    `GROUP:      example.com
KIND:       Shop
VERSION:    v1

DESCRIPTION:
    Shop sells.
    
FIELDS:
  kind\t<string>
    <no description>

  spec\t<ShopSpec>
    What it sells.

`,
  );
});

explain("a field has its type, its words and those of its type", () => {
  const text = explainSchema(document, { ...shop, path: ["spec"] });
  assert.match(text, "\nFIELD: spec <ShopSpec>\n\n\nDESCRIPTION:\n    What it sells.\n");
  assert.match(text, "\n    ShopSpec is what a shop sells.\n");
  assert.match(text, "\n  doors\t<[]Door> -required-\n");
  assert.match(text, "\n  since\t<string>\n");
  assert.match(text, "\n  prices\t<map[string]Quantity>\n");
  assert.match(text, '\n  mode\t<string>\n  enum: "", A, B, C, ....\n');
});

explain("lines have eighty columns, and lists keep their indent", () => {
  const text = explainSchema(document, { ...shop, path: ["spec", "doors", "open"] });
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(text, "\n    \n     - a list stays where it is\n");
});

explain("--recursive names all fields below", () => {
  const text = explainSchema(document, { ...shop, path: [], isRecursive: true });
  assert.match(
    text,
    /\n {2}spec\t<ShopSpec>\n {4}doors\t<\[\]Door> -required-\n {6}open\t<boolean>\n {4}mode\t/,
  );
});

explain("says which field does not exist", () => {
  assert.throws(
    () => explainSchema(document, { ...shop, path: ["spec", "door"] }),
    'field "door" does not exist: did you mean "doors"?',
  );
  assert.throws(() => explainSchema(document, { ...shop, kind: "Mall", path: [] }), '"Mall"');
});

explain("the group may stand behind the type", () => {
  for (const word of ["deploy.spec.replicas", "deployments.apps.spec.replicas"]) {
    const { resource, path } = parseFieldPath(word);
    assert.is(resource.kind, "Deployment");
    assert.equal(path, ["spec", "replicas"]);
  }
});

explain.run();
