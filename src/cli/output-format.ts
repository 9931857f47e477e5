/** What `-o` may say, and objects in those forms. Source: Kubernetes, "kubectl reference", "Output options". */
import { readFileSync } from "node:fs";
import { InvalidArgumentError, Option } from "commander";
import { messageOf, PodError } from "../base/errors.ts";
import { type KubernetesObject, resourceOfKind } from "../spec/resources.ts";
import { type JsonPath, parseJsonPath } from "./json-path.ts";
import {
  type JsonPathTemplate,
  parseJsonPathTemplate,
  renderJsonPath,
} from "./json-path-template.ts";
import { objectLabel } from "./object-arguments.ts";
import { printValue, wrapItems } from "./object-output.ts";
import type { Screen } from "./screen.ts";

/** Columns of `-o custom-columns=NAME:.metadata.name`. */
export interface CustomColumn {
  readonly heading: string;
  readonly path: JsonPath;
}

/** Forms that are no table. */
export type ObjectForm =
  | { readonly format: "json" | "yaml" | "name" }
  | { readonly format: "jsonpath"; readonly template: JsonPathTemplate };

export type OutputFormat =
  | ObjectForm
  | { readonly format: "wide" }
  | { readonly format: "custom-columns"; readonly columns: readonly CustomColumn[] };

/** How formats that take a value are written in help and completion. */
const withValue: readonly string[] = ["jsonpath=", "jsonpath-file=", "custom-columns="];

/** The option `-o`. @param formats - those without a value that the command knows. */
export function outputOption(formats: readonly string[]): Option {
  const known = [...formats, ...withValue];
  return new Option("-o, --output <format>", "output format").choices(known).argParser((text) => {
    try {
      return parseOutput(text, formats);
    } catch (error) {
      throw new InvalidArgumentError(messageOf(error));
    }
  });
}

/** @throws PodError InvalidArgument. */
export function parseOutput(text: string, formats: readonly string[]): OutputFormat {
  if (formats.includes(text)) return { format: text as "json" };
  const [, format = "", value = ""] = /^([\w-]+)=(.*)$/s.exec(text) ?? [];
  switch (format) {
    case "jsonpath":
      return { format, template: parseJsonPathTemplate(value) };
    case "jsonpath-file":
      return {
        format: "jsonpath",
        template: parseJsonPathTemplate(readFileSync(value, "utf8").trimEnd()),
      };
    case "custom-columns":
      return { format, columns: value.split(",").map(parseCustomColumn) };
    default:
      throw new PodError(
        "InvalidArgument",
        `Allowed choices are ${[...formats, "jsonpath=…", "jsonpath-file=…", "custom-columns=…"].join(", ")}.`,
      );
  }
}

function parseCustomColumn(text: string): CustomColumn {
  const colon = text.indexOf(":");
  if (colon > 0) {
    return { heading: text.slice(0, colon), path: parseJsonPath(text.slice(colon + 1)) };
  }
  throw new PodError(
    "InvalidArgument",
    `custom-columns: must be HEADING:PATH,…, such as "NAME:.metadata.name": got "${text}"`,
  );
}

/** Whether objects are printed as such, not as rows of a table. */
export function isObjectForm(output: OutputFormat | undefined): output is ObjectForm {
  return output !== undefined && output.format !== "wide" && output.format !== "custom-columns";
}

/**
 * Prints objects in a form for programs.
 * @param isSingle - one was asked for by name: it stands alone instead of in a List.
 */
export async function printObjects(
  screen: Screen,
  objects: readonly KubernetesObject[],
  output: ObjectForm,
  isSingle: boolean,
): Promise<void> {
  switch (output.format) {
    case "name":
      for (const object of objects) screen.print(labelOf(object));
      return;
    case "jsonpath":
      // No line end of its own, as kubectl: the template says where lines end.
      screen.write(renderJsonPath(output.template, wrapItems(objects.map(onTheWire), isSingle)));
      return;
    default:
      await printValue(screen, wrapItems(objects.map(onTheWire), isSingle), output.format);
  }
}

/** `pod/web`. */
export function labelOf({ kind, apiVersion, metadata }: KubernetesObject): string {
  const resource = resourceOfKind(kind);
  return resource === undefined
    ? `${kind.toLowerCase()}/${metadata.name}`
    : objectLabel({ ...resource, apiVersion }, metadata.name);
}

/** Objects of the cluster have no namespace in JSON. */
export function onTheWire<T extends KubernetesObject>(object: T): object {
  if (object.metadata.namespace !== "") return object;
  const { namespace: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
