// OpenAPI v2 in protobuf, read back by its numbers.
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openApiV2 } from "../../../src/apiserver/openapi-v2.ts";

const tests = suite("openApiV2()");

/** The contents of the fields with a number, by a way of numbers. */
function at(bytes: Uint8Array, ...way: readonly number[]): readonly Uint8Array[] {
  const [number, ...rest] = way;
  if (number === undefined) return [bytes];
  const reader = new BinaryReader(bytes);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    assert.is(type, WireType.LengthDelimited);
    const content = reader.bytes();
    if (field === number) found.push(...at(content, ...rest));
  }
  return found;
}

function words(bytes: Uint8Array, ...way: readonly number[]): readonly string[] {
  return at(bytes, ...way).map((each) => Buffer.from(each).toString());
}

const kind = [{ group: "", version: "v1", kind: "Box" }];

const document = openApiV2(
  [
    {
      paths: {
        "/api/v1/boxes/{name}": {
          get: { "x-kubernetes-action": "get" },
          patch: {
            "x-kubernetes-group-version-kind": kind[0],
            parameters: [{ name: "dryRun", in: "query", schema: { type: "string" } }],
          },
        },
      },
      components: {
        schemas: {
          Box: {
            type: "object",
            description: "Holds things.",
            required: ["size"],
            properties: {
              size: { description: "How much.", allOf: [{ $ref: "#/components/schemas/Size" }] },
              things: { type: "array", items: { type: "string" } },
              labels: { type: "object", additionalProperties: { type: "string" } },
            },
            "x-kubernetes-group-version-kind": kind,
          },
          Size: { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
        },
      },
    },
  ],
  "v1.0",
);

const boxSchema = at(document, 9, 1, 2)[0] ?? new Uint8Array();

tests("names itself and its definitions", () => {
  assert.equal(words(document, 1), ["2.0"]);
  assert.equal(words(document, 2, 2), ["v1.0"]);
  assert.equal(words(document, 9, 1, 1), ["Box", "Size"]);
});

tests("a definition has its type, fields, what they mean and its kind", () => {
  assert.equal(words(boxSchema, 4), ["Holds things."]);
  assert.equal(words(boxSchema, 19), ["size"]);
  assert.equal(words(boxSchema, 22, 1), ["object"]);
  assert.equal(words(boxSchema, 25, 1, 1), ["size", "things", "labels"]);
  assert.equal(words(boxSchema, 25, 1, 2, 1), ["#/definitions/Size"]);
  assert.equal(words(boxSchema, 25, 1, 2, 4), ["How much."]);
  assert.equal(words(boxSchema, 25, 1, 2, 23, 1, 22, 1), ["string"]);
  assert.equal(words(boxSchema, 25, 1, 2, 21, 1, 22, 1), ["string"]);
  assert.equal(words(boxSchema, 31, 1), ["x-kubernetes-group-version-kind"]);
  assert.equal(words(boxSchema, 31, 2, 2), [`${JSON.stringify(kind)}\n`]);
});

tests("what may be a number or a word is a word", () => {
  const [, size = new Uint8Array()] = at(document, 9, 1, 2);
  assert.equal(words(size, 2), ["int-or-string"]);
  assert.equal(words(size, 22, 1), ["string"]);
});

tests("of a path, the PATCH with its parameters", () => {
  assert.equal(words(document, 8, 2, 1), ["/api/v1/boxes/{name}"]);
  assert.equal(words(document, 8, 2, 2, 8, 8, 1, 2, 3, 4), ["dryRun"]);
  assert.equal(words(document, 8, 2, 2, 8, 13, 1), ["x-kubernetes-group-version-kind"]);
  assert.equal(words(document, 8, 2, 2, 2), []);
});

tests.run();
