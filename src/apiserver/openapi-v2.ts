/**
 * OpenAPI v2 of all that is served, in protobuf: kubectl before 1.24 takes no JSON, and reads from it whether the
 * server knows dryRun (`diff`), what fields there are (`apply`), and what they mean (`explain`).
 *
 *   Document { 1: "2.0", 2: Info, 8: Paths { 2: named paths }, 9: Definitions { 1: named schemas } }
 *
 * Made out of the documents of version 3. Source: OpenAPI 2.0; gnostic's OpenAPIv2.proto for the numbers.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

type Json = Readonly<Record<string, unknown>>;

type Fill = (writer: BinaryWriter) => void;

/** @param documents - of version 3, of every group and version. */
export function openApiV2(documents: readonly Json[], version: string): Uint8Array {
  const schemas = new Map<string, Json>();
  for (const document of documents) {
    const components = objectOf(objectOf(document["components"])["schemas"]);
    for (const [name, schema] of Object.entries(components)) schemas.set(name, objectOf(schema));
  }
  const paths = documents.flatMap((document) => Object.entries(objectOf(document["paths"])));
  const writer = new BinaryWriter();
  text(writer, 1, "2.0");
  message(writer, 2, (info) => {
    text(info, 1, "nspod");
    text(info, 2, version);
  });
  message(writer, 8, (all) => {
    for (const [path, item] of paths) named(all, 2, path, pathItem(objectOf(item)));
  });
  message(writer, 9, (all) => {
    for (const [name, schema] of schemas) named(all, 1, name, schemaOf(schema));
  });
  return writer.finish();
}

/** Of the operations only the one that clients look at. */
function pathItem({ patch }: Json): Fill {
  return (writer) => {
    if (patch !== undefined) message(writer, 8, operation(objectOf(patch)));
  };
}

function operation({ parameters = [], ...rest }: Json): Fill {
  return (writer) => {
    for (const each of parameters as readonly Json[]) {
      const { name } = each;
      const query: Fill = (inner) => {
        text(inner, 2, "query");
        text(inner, 4, String(name));
        text(inner, 6, String(objectOf(each["schema"])["type"]));
      };
      // ParametersItem, Parameter, NonBodyParameter, QueryParameterSubSchema.
      message(writer, 8, (item) =>
        message(item, 1, (any) => message(any, 2, (other) => message(other, 3, query))),
      );
    }
    extensions(writer, 13, rest);
  };
}

function schemaOf(schema: Json): Fill {
  const { $ref, allOf, oneOf, type, format, description, required, items } = schema;
  const [whole] = (allOf ?? []) as readonly Json[];
  const reference = $ref ?? whole?.["$ref"];
  return (writer) => {
    if (typeof reference === "string") {
      text(writer, 1, reference.replace("#/components/schemas/", "#/definitions/"));
    }
    if (typeof format === "string") text(writer, 2, format);
    if (typeof description === "string") text(writer, 4, description);
    for (const field of (required ?? []) as readonly string[]) text(writer, 19, field);
    const additional = schema["additionalProperties"];
    if (additional !== undefined) {
      message(writer, 21, (item) => message(item, 1, schemaOf(objectOf(additional))));
    }
    // Version 2 has no choices: a quantity is a string there, and so is what may be a number or a word.
    const word = oneOf === undefined ? type : "string";
    if (typeof word === "string") message(writer, 22, (item) => text(item, 1, word));
    if (items !== undefined) {
      message(writer, 23, (item) => message(item, 1, schemaOf(objectOf(items))));
    }
    const properties = Object.entries(objectOf(schema["properties"] ?? {}));
    if (properties.length > 0) {
      message(writer, 25, (all) => {
        for (const [name, property] of properties)
          named(all, 1, name, schemaOf(objectOf(property)));
      });
    }
    extensions(writer, 31, schema);
  };
}

/** The fields that begin with "x-"; their values are YAML, and so is JSON. */
function extensions(writer: BinaryWriter, number: number, value: Json): void {
  for (const [name, content] of Object.entries(value)) {
    if (!name.startsWith("x-")) continue;
    named(writer, number, name, (any) => text(any, 2, `${JSON.stringify(content)}\n`));
  }
}

/** An entry of what is a map in JSON. */
function named(writer: BinaryWriter, number: number, name: string, fill: Fill): void {
  message(writer, number, (entry) => {
    text(entry, 1, name);
    message(entry, 2, fill);
  });
}

function message(writer: BinaryWriter, number: number, fill: Fill): void {
  writer.tag(number, WireType.LengthDelimited).fork();
  fill(writer);
  writer.join();
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}

/** The documents are our own. */
function objectOf(value: unknown): Json {
  return value as Json;
}
