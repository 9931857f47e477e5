/**
 * What `explain` prints, out of an OpenAPI v3 document of the daemon, laid out as kubectl does it. Pure.
 * Source: Kubernetes, "kubectl explain"; OpenAPI 3.0.3.
 */
import { PodError } from "../base/errors.ts";
import { suggestion } from "../spec/suggest.ts";

/** What is read of a schema. */
export interface ApiSchema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly $ref?: string;
  readonly allOf?: readonly ApiSchema[];
  readonly items?: ApiSchema;
  readonly additionalProperties?: ApiSchema;
  readonly properties?: Readonly<Record<string, ApiSchema>>;
  readonly required?: readonly string[];
  readonly "x-kubernetes-group-version-kind"?: readonly {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
  }[];
}

export interface ApiDocument {
  readonly components: { readonly schemas: Readonly<Record<string, ApiSchema>> };
}

export interface Explained {
  readonly apiVersion: string;
  readonly kind: string;
  /** Names of fields, from the object inwards. */
  readonly path: readonly string[];
  readonly isRecursive: boolean;
}

/** @throws PodError NotFound for a kind or field that the document does not have. */
export function explainSchema(document: ApiDocument, what: Explained): string {
  const { apiVersion, kind, path, isRecursive } = what;
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  const api = new Api(document);
  let schema = api.kind(group ?? "", kind);
  let field: ApiSchema | undefined;
  for (const name of path) {
    const { properties = {} } = api.object(schema);
    const next = Object.hasOwn(properties, name) ? properties[name] : undefined;
    if (next === undefined) {
      throw new PodError(
        "NotFound",
        `field "${name}" does not exist${suggestion(name, Object.keys(properties))}`,
      );
    }
    field = next;
    schema = next;
  }
  const lines = [
    ...(group === "" ? [] : [`GROUP:      ${group}`]),
    `KIND:       ${kind}`,
    `VERSION:    ${version}`,
    "",
    ...(field === undefined ? [] : fieldHead(api, path.at(-1) ?? "", field)),
    "DESCRIPTION:",
    ...wrapped(api.descriptions(schema, field !== undefined).join("\n"), 4),
    "    ",
  ];
  const target = api.object(schema);
  if (target.properties !== undefined) {
    lines.push("FIELDS:");
    if (isRecursive) lines.push(...namesOf(api, target, 2, []));
    else lines.push(...fieldsOf(api, target));
  }
  return `${lines.join("\n")}\n`;
}

function fieldHead(api: Api, name: string, field: ApiSchema): readonly string[] {
  const choices = api.plain(field).enum;
  return [
    `FIELD: ${name} <${api.typeName(field)}>`,
    ...(choices === undefined ? [""] : ["ENUM:", ...choices.map((choice) => `    ${choice}`)]),
    "",
  ];
}

function fieldsOf(api: Api, schema: ApiSchema): readonly string[] {
  return sortedFields(schema).flatMap(([name, field]) => {
    const description = api.descriptions(field, true)[0] ?? "<no description>";
    return [
      fieldLine(api, schema, name, field),
      ...choicesLine(api, field, 2),
      ...wrapped(description, 4),
      "",
    ];
  });
}

/** Names and types of all fields, those of inner objects below them. */
function namesOf(
  api: Api,
  schema: ApiSchema,
  indent: number,
  outer: readonly ApiSchema[],
): readonly string[] {
  // A definition may hold itself (JSONSchemaProps): once is enough.
  if (outer.includes(schema)) return [];
  return sortedFields(schema).flatMap(([name, field]) => [
    " ".repeat(indent - 2) + fieldLine(api, schema, name, field),
    ...choicesLine(api, field, indent),
    ...namesOf(api, api.object(field), indent + 2, [...outer, schema]),
  ]);
}

function sortedFields({ properties = {} }: ApiSchema): readonly (readonly [string, ApiSchema])[] {
  return Object.entries(properties).sort(([one], [other]) => (one < other ? -1 : 1));
}

function fieldLine(api: Api, schema: ApiSchema, name: string, field: ApiSchema): string {
  const isRequired = schema.required?.includes(name) === true;
  return `  ${name}\t<${api.typeName(field)}>${isRequired ? " -required-" : ""}`;
}

/** The first few that the field may be. */
function choicesLine(api: Api, field: ApiSchema, indent: number): readonly string[] {
  const choices = api.plain(field).enum;
  if (choices === undefined) return [];
  const names = choices.map((choice) => (choice === "" ? '""' : choice));
  const shown = names.length > 4 ? [...names.slice(0, 4), "...."] : names;
  return [`${" ".repeat(indent)}enum: ${shown.join(", ")}`];
}

/** Words in lines of 80 columns; what a paragraph begins with stays where it is. */
function wrapped(text: string, indent: number): readonly string[] {
  const margin = " ".repeat(indent);
  return text.split("\n").flatMap((paragraph) => {
    const [start = ""] = /^ */.exec(paragraph) ?? [];
    const [first = "", ...words] = paragraph.trim().split(" ");
    const lines: string[] = [];
    let line = margin + start + first;
    for (const word of words) {
      if (line.length + 1 + word.length > 80) {
        lines.push(line.trimEnd());
        line = margin + word;
      } else line += ` ${word}`;
    }
    return [...lines, first === "" ? line : line.trimEnd()];
  });
}

/** Schemas by reference. */
class Api {
  readonly #schemas: Readonly<Record<string, ApiSchema>>;

  constructor({ components }: ApiDocument) {
    this.#schemas = components.schemas;
  }

  /** @throws PodError NotFound. */
  kind(group: string, kind: string): ApiSchema {
    const found = Object.values(this.#schemas).find((schema) =>
      schema["x-kubernetes-group-version-kind"]?.some(
        (each) => each.group === group && each.kind === kind,
      ),
    );
    if (found !== undefined) return found;
    throw new PodError("NotFound", `couldn't find resource for "${kind}"`);
  }

  /** What a field is when it is no list and no map: the definition that it refers to, or itself. */
  plain(schema: ApiSchema): ApiSchema {
    const reference = referenceOf(schema);
    return reference === undefined ? schema : (this.#schemas[reference] ?? schema);
  }

  /** The object that the fields below a field belong to, through lists and maps. */
  object(schema: ApiSchema): ApiSchema {
    const inner = schema.items ?? schema.additionalProperties;
    return inner === undefined ? this.plain(schema) : this.object(inner);
  }

  typeName(schema: ApiSchema): string {
    const { items, additionalProperties, type } = schema;
    if (items !== undefined) return `[]${this.typeName(items)}`;
    if (additionalProperties !== undefined)
      return `map[string]${this.typeName(additionalProperties)}`;
    const reference = referenceOf(schema);
    // A reference to a plain value (Time) says what it is.
    const plain = reference === undefined ? type : this.#schemas[reference]?.type;
    if (plain !== undefined && plain !== "object") return plain;
    return reference === undefined ? "Object" : reference.slice(reference.lastIndexOf(".") + 1);
  }

  /** Of a field, then of what it refers to. */
  descriptions(schema: ApiSchema, isField: boolean): readonly string[] {
    const own = schema.description;
    const target = this.object(schema);
    const inner = isField && target !== schema ? target.description : undefined;
    const found = [own, inner].filter((text) => text !== undefined && text !== "") as string[];
    return found.length === 0 ? ["<no description>"] : found;
  }
}

/** The name of the definition that a schema refers to. */
function referenceOf({ $ref, allOf }: ApiSchema): string | undefined {
  const reference = $ref ?? allOf?.[0]?.$ref;
  return reference?.slice(reference.lastIndexOf("/") + 1);
}
