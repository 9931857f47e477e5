/**
 * OpenAPI v3 of one group and version, made from the definitions that bodies are decoded with: kinds and what they
 * are made of, and for every path the operations that kubectl looks for. kubectl 1.24 and newer reads from the PATCH
 * whether the server knows fieldValidation and dryRun, and `explain` reads the schemas. No descriptions.
 * Source: OpenAPI 3.0.3; Kubernetes API concepts, "OpenAPI V3"; kubectl's query parameter verifier.
 */
import { definitions, kindDefinitions } from "../spec/definitions.gen.ts";
import { groupOf } from "../spec/object-problem.ts";
import { listStrategy } from "../spec/patch-keys.ts";
import { type Resource, resources } from "../spec/resources.ts";
import type { Descriptions } from "./descriptions.ts";
import { patchMediaTypes } from "./patch-body.ts";
import { collectionPath, objectPath } from "./read-objects.ts";
import { partsOf } from "./resource-routes.ts";

type Json = Readonly<Record<string, unknown>>;

/** @param groupVersion - `v1`, `apps/v1`; undefined when no resource has it. */
export function openApiDocument(
  groupVersion: string,
  version: string,
  descriptions: Descriptions,
): Json | undefined {
  const own = resources.filter(({ apiVersion }) => apiVersion === groupVersion);
  if (own.length === 0) return undefined;
  const schemas: Record<string, Json> = {};
  for (const { kind } of own) collect(kind, schemas, descriptions);
  for (const resource of own) schemas[schemaName(`${resource.kind}List`)] = listSchema(resource);
  return {
    openapi: "3.0.0",
    info: { title: "nspod", version },
    paths: Object.fromEntries(own.flatMap(pathsOf)),
    components: { schemas },
  };
}

/** The name that Kubernetes gives a schema: `io.k8s.api.core.v1.Pod`. */
export function schemaName(definition: string): string {
  const kind = kindDefinitions[definition]?.apiVersion;
  const listed = kindDefinitions[definition.replace(/List$/, "")]?.apiVersion;
  const apiVersion = kind ?? listed;
  if (apiVersion === undefined) {
    const isMeta = metaDefinitions.has(definition);
    const prefix = isMeta ? "io.k8s.apimachinery.pkg.apis.meta.v1" : "io.k8s.api.core.v1";
    return `${prefix}.${definition}`;
  }
  const [group, version] = apiVersion === "v1" ? ["core", "v1"] : apiVersion.split("/");
  return `io.k8s.api.${group?.replace(/\..*$/, "")}.${version}.${definition}`;
}

const metaDefinitions: ReadonlySet<string> = new Set([
  "Condition",
  "LabelSelector",
  "LabelSelectorRequirement",
  "ObjectMeta",
  "OwnerReference",
  "ListMeta",
]);

/** What `meta-schema.ts` decodes by hand, in the codes of the definitions. */
const metaFields: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  ObjectMeta: {
    annotations: "{string}",
    creationTimestamp: "time",
    deletionGracePeriodSeconds: "int64",
    deletionTimestamp: "time",
    finalizers: "[string]",
    generateName: "string",
    generation: "int64",
    labels: "{string}",
    managedFields: "[any]",
    name: "string",
    namespace: "string",
    ownerReferences: "[OwnerReference]",
    resourceVersion: "string",
    selfLink: "string",
    uid: "string",
  },
  OwnerReference: {
    apiVersion: "string!",
    blockOwnerDeletion: "boolean",
    controller: "boolean",
    kind: "string!",
    name: "string!",
    uid: "string!",
  },
  ListMeta: {
    continue: "string",
    remainingItemCount: "int64",
    resourceVersion: "string",
    selfLink: "string",
  },
};

/** Adds a definition and everything that it refers to. */
function collect(
  definition: string,
  schemas: Record<string, Json>,
  descriptions: Descriptions,
): void {
  const name = machinery[definition] ?? schemaName(definition);
  if (schemas[name] !== undefined) return;
  const plain = basic[definition];
  if (plain !== undefined) {
    schemas[name] = plain;
    return;
  }
  const fields = metaFields[definition] ?? definitions[definition] ?? {};
  const codes = Object.entries(fields);
  const required = codes.filter(([, code]) => code.endsWith("!")).map(([field]) => field);
  const kind = kindDefinitions[definition];
  const isKind = (field: string): boolean => field === "apiVersion" || field === "kind";
  const needed = kind === undefined ? required : required.filter((field) => !isKind(field));
  const inner: string[] = [];
  const described = (field: string): Json => {
    const description = descriptions[definition]?.[field];
    return description === undefined ? {} : { description };
  };
  const properties = Object.fromEntries(
    codes.map(([field, code]) => {
      const isWord = kind !== undefined && isKind(field);
      if (isWord) return [field, { ...described(field), type: "string" }];
      const schema = schemaOfCode(code.replace(/[!~]$/, ""), inner);
      return [field, { ...described(field), ...schema, ...patchStrategy(definition, field) }];
    }),
  );
  schemas[name] = {
    ...described(""),
    type: "object",
    properties,
    ...(needed.length > 0 && { required: needed }),
    ...(kind !== undefined && { "x-kubernetes-group-version-kind": [gvk(kind)] }),
  };
  for (const other of inner) collect(other, schemas, descriptions);
}

/** How kubectl is to merge a list when it makes a patch, as we do when we apply it. */
function patchStrategy(definition: string, field: string): Json {
  const strategy = listStrategy(definition, field);
  if (strategy === undefined) return {};
  const word = definition === "PodSpec" && field === "volumes" ? "merge,retainKeys" : "merge";
  return {
    "x-kubernetes-patch-strategy": word,
    ...(strategy.key !== undefined && { "x-kubernetes-patch-merge-key": strategy.key }),
  };
}

const basic: Readonly<Record<string, Json>> = {
  string: { type: "string" },
  boolean: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  quantity: { oneOf: [{ type: "string" }, { type: "number" }] },
  intOrString: { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
  time: { type: "string", format: "date-time" },
  bytes: { type: "string", format: "byte" },
  any: { type: "object" },
};

/** Types that have a schema of their own, so that `explain` has a word for them. */
const machinery: Readonly<Record<string, string>> = {
  intOrString: "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  time: "io.k8s.apimachinery.pkg.apis.meta.v1.Time",
};

function schemaOfCode(code: string, inner: string[]): Json {
  if (code.startsWith("[")) return { type: "array", items: schemaOfCode(code.slice(1, -1), inner) };
  if (code.startsWith("{")) {
    return { type: "object", additionalProperties: schemaOfCode(code.slice(1, -1), inner) };
  }
  if (code.startsWith('"')) {
    return { type: "string", enum: code.split("|").map((word) => JSON.parse(word) as string) };
  }
  const known = basic[code];
  if (known !== undefined && machinery[code] === undefined) return known;
  inner.push(code);
  return { allOf: [reference(code)] };
}

function reference(definition: string): Json {
  return { $ref: `#/components/schemas/${machinery[definition] ?? schemaName(definition)}` };
}

function listSchema({ kind, apiVersion }: Resource): Json {
  return {
    type: "object",
    properties: {
      apiVersion: { type: "string" },
      kind: { type: "string" },
      metadata: { type: "object" },
      items: { type: "array", items: reference(kind) },
    },
    required: ["items"],
    "x-kubernetes-group-version-kind": [gvk({ apiVersion, kind: `${kind}List` })],
  };
}

function gvk({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): Json {
  return { group: groupOf(apiVersion), version: apiVersion.split("/").at(-1), kind };
}

const writeParameters: readonly Json[] = ["dryRun", "fieldManager", "fieldValidation"].map(
  (name) => ({ name, in: "query", schema: { type: "string", uniqueItems: true } }),
);
const force: Json = { name: "force", in: "query", schema: { type: "boolean", uniqueItems: true } };

function pathsOf(resource: Resource): readonly (readonly [string, Json])[] {
  const { kind } = resource;
  const path = objectPath(resource);
  const collection = {
    get: operation(resource, "list", `${kind}List`),
    post: operation(resource, "post", kind, writeParameters),
    delete: operation(resource, "deletecollection", `${kind}List`),
  };
  const object = {
    get: operation(resource, "get", kind),
    put: operation(resource, "put", kind, writeParameters),
    patch: operation(resource, "patch", kind, [...writeParameters, force], patchMediaTypes),
  };
  return partsOf(resource).flatMap(({ subresource }): (readonly [string, Json])[] =>
    subresource === ""
      ? [
          [collectionPath(resource), collection],
          [path, { ...object, delete: operation(resource, "delete", kind) }],
        ]
      : [[`${path}/${subresource}`, object]],
  );
}

function operation(
  resource: Resource,
  action: string,
  answer: string,
  parameters: readonly Json[] = [],
  mediaTypes: readonly string[] = ["application/json"],
): Json {
  const hasBody = action === "post" || action === "put" || action === "patch";
  const schema = action === "patch" ? { type: "object" } : reference(resource.kind);
  return {
    "x-kubernetes-action": action,
    "x-kubernetes-group-version-kind": gvk(resource),
    ...(parameters.length > 0 && { parameters }),
    ...(hasBody && {
      requestBody: {
        required: true,
        content: Object.fromEntries(mediaTypes.map((type) => [type, { schema }])),
      },
    }),
    responses: {
      "200": {
        description: "OK",
        content: { "application/json": { schema: reference(answer) } },
      },
    },
  };
}
