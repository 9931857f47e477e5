/**
 * Tables of objects: rows of cells in kubectl's columns, for clients that ask for them with
 * `Accept: application/json;as=Table;v=v1;g=meta.k8s.io` (or v1beta1).
 * Source: Kubernetes API concepts, "Receiving resources as Tables"; API reference, meta/v1 Table.
 */
import type { IncomingMessage } from "node:http";
import type { ObjectMeta } from "../spec/meta.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { type Column, columnsOf } from "../spec/table-columns.ts";
import { shownObject } from "./router.ts";

export type TableVersion = "v1" | "v1beta1";

/** What a row carries beside its cells, by query parameter `includeObject`. */
export const includedObjects = ["None", "Metadata", "Object"] as const;

export interface TableWish {
  readonly version: TableVersion;
  readonly include: (typeof includedObjects)[number];
}

/** The version of Table that the client wants before anything else; undefined: it wants the objects. */
export function tableVersion({
  headers,
}: Pick<IncomingMessage, "headers">): TableVersion | undefined {
  for (const range of (headers.accept ?? "").split(",")) {
    const [type, ...rest] = range.split(";").map((part) => part.trim());
    const parameters = new Map(rest.map((part) => split(part)));
    if (type !== "application/json" && type !== "application/*" && type !== "*/*") continue;
    const version = parameters.get("v");
    if (parameters.get("as") === undefined) return undefined;
    const isTable = parameters.get("as") === "Table" && parameters.get("g") === "meta.k8s.io";
    if (isTable && (version === "v1" || version === "v1beta1")) return version;
  }
  return undefined;
}

function split(parameter: string): readonly [string, string] {
  const at = parameter.indexOf("=");
  return at === -1 ? [parameter, ""] : [parameter.slice(0, at), parameter.slice(at + 1)];
}

/**
 * @param metadata - of the list, or the resourceVersion of one object.
 * @param hasHeading - false for a watch's later events: columns are told once.
 */
export function tableOf(
  kind: string,
  objects: readonly KubernetesObject[],
  options: {
    readonly wish: TableWish;
    readonly metadata: object;
    readonly nowMs: number;
    readonly hasHeading?: boolean;
  },
): object {
  const { wish, metadata, nowMs, hasHeading = true } = options;
  const columns = columnsOf(kind, true);
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${wish.version}`,
    metadata,
    columnDefinitions: hasHeading ? columns.map(definitionOf) : [],
    rows: objects.map((object) => ({
      cells: columns.map(({ cell }) => cell(object, nowMs)),
      ...(wish.include !== "None" && { object: rowObject(object, wish) }),
    })),
  };
}

function definitionOf({ heading, isWide }: Column): object {
  return {
    name: heading.toLowerCase().replace(/(?:^|[ -])[a-z]/g, (letter) => letter.toUpperCase()),
    type: "string",
    format: heading === "NAME" ? "name" : "",
    description: "",
    priority: isWide ? 1 : 0,
  };
}

function rowObject(object: KubernetesObject, { version, include }: TableWish): object {
  if (include === "Object") return shownObject(object);
  const { metadata } = shownObject(object) as { readonly metadata: ObjectMeta };
  return { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata };
}
