/**
 * The text that `nspod edit` opens: an object as YAML or JSON below a comment, with what was wrong with the last try.
 * Pure. Source: kubectl edit.
 */
import { isMap, parseDocument, stringify } from "yaml";
import { PodError } from "../base/errors.ts";
import { isObject } from "../spec/schema.ts";
import type { JsonMap } from "../spec/strategic-merge.ts";

export type EditFormat = "yaml" | "json";

const heading = [
  "Please edit the object below. Lines beginning with a '#' will be ignored,",
  "and an empty file will abort the edit. If an error occurs while saving this file will be",
  "reopened with the relevant failures.",
  "",
];

/** An object as text. */
export function objectText(object: object, format: EditFormat): string {
  if (format === "json") return `${JSON.stringify(object, undefined, 4)}\n`;
  // YAML 1.1, as Kubernetes reads it.
  return stringify(object, { version: "1.1", lineWidth: 0 });
}

/** The comment, with one line for each of the problems, and the text below it. */
export function commented(text: string, problems: readonly string[] = []): string {
  const lines = [...heading, ...problems.flatMap((problem) => [...problem.split("\n"), ""])];
  return `${lines.map((line) => `# ${line}`.trimEnd()).join("\n")}\n${text}`;
}

/** The text without the lines that begin with "#". */
export function uncommented(text: string): string {
  return text.replace(/^#.*(?:\n|$)/gm, "");
}

/**
 * What an edited text says; undefined when nothing is left of it.
 * @throws PodError InvalidArgument with line and column.
 */
export function readEdited(text: string): JsonMap | undefined {
  if (uncommented(text).trim() === "") return undefined;
  // The lines of the file, with the comment: that is what the editor counts.
  const document = parseDocument(text, { version: "1.1" });
  const [problem] = document.errors;
  if (problem !== undefined) throw new PodError("InvalidArgument", problem.message);
  if (!isMap(document.contents)) throw new PodError("InvalidArgument", "must be one object");
  const value: unknown = document.toJS({ maxAliasCount: 100 });
  return isObject(value) ? value : {};
}

/** The object stays the one that it is. @throws PodError InvalidArgument. */
export function checkIdentity(before: JsonMap, after: JsonMap): void {
  const identity = (object: JsonMap): readonly (readonly [string, unknown])[] => {
    const metadata = isObject(object["metadata"]) ? object["metadata"] : {};
    return [
      ["apiVersion", object["apiVersion"]],
      ["kind", object["kind"]],
      ["metadata.name", metadata["name"]],
      ["metadata.namespace", metadata["namespace"]],
    ];
  };
  const now = new Map(identity(after));
  for (const [field, value] of identity(before)) {
    if (now.get(field) === value) continue;
    throw new PodError(
      "InvalidArgument",
      `${field} must not be changed: it was "${String(value)}"`,
    );
  }
}
