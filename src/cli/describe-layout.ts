/** How `describe` lays out what it says: labels, values beside or below them, tables. Pure. */
import type { ObjectMeta } from "../spec/meta.ts";
import { formatTable } from "./table.ts";

/** A line or a labelled block: indentation is made when it is printed. */
export type Field = readonly [label: string, value: string | readonly string[] | readonly Field[]];

const keyWidth = 18;

export const none = "<none>";

/** Lines of fields. @param indent - what stands before each. */
export function lines(fields: readonly Field[], indent: string = ""): readonly string[] {
  return fields.flatMap(([label, value]): readonly string[] => {
    const head = `${indent}${label}:`;
    const column = indent.length + keyWidth;
    if (typeof value === "string") {
      if (value === "") return [head];
      const [first = "", ...more] = value.split("\n");
      return [
        `${head.padEnd(column - 1)} ${first}`,
        ...more.map((part) => " ".repeat(column) + part),
      ];
    }
    const [first] = value;
    if (isText(first) && indent === "") {
      // Labels and annotations start on the line of their label.
      return value.map((text, index) =>
        index === 0
          ? `${head.padEnd(column - 1)} ${String(text)}`
          : " ".repeat(column) + String(text),
      );
    }
    if (isText(first)) return [head, ...value.map((text) => `${indent}  ${String(text)}`)];
    return [head, ...lines(value as readonly Field[], `${indent}  `)];
  });
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** No field when there is nothing to say. */
export function optional(label: string, value: string | undefined): readonly Field[] {
  return value === undefined || value === "" ? [] : [[label, value]];
}

/** Labels and annotations, one `key=value` per line. */
export function pairs(
  map: Readonly<Record<string, string>> | undefined,
): string | readonly string[] {
  const entries = Object.entries(map ?? {})
    // The whole manifest again: kubectl leaves it out, too.
    .filter(([key]) => key !== "kubectl.kubernetes.io/last-applied-configuration")
    .sort(([a], [b]) => a.localeCompare(b));
  return entries.length === 0 ? none : entries.map(([key, value]) => `${key}=${value}`);
}

/** What the description of every object begins with. */
export function nameFields({ name, namespace }: ObjectMeta): readonly Field[] {
  return [["Name", name], ...optional("Namespace", namespace)];
}

/** What others have written on an object. */
export function markFields({ labels, annotations }: ObjectMeta): readonly Field[] {
  return [
    ["Labels", pairs(labels)],
    ["Annotations", pairs(annotations)],
  ];
}

/** An RFC 3339 time as Go prints RFC 1123 with a numeric zone; UTC, as the object says. */
export function time(timestamp: string | undefined): string {
  if (timestamp === undefined || timestamp === "") return "<unset>";
  const date = new Date(timestamp);
  return Number.isNaN(date.getTime()) ? timestamp : date.toUTCString().replace(/GMT$/, "+0000");
}

/** Amounts by resource. */
export function amounts(
  label: string,
  list: Readonly<Record<string, string>> | undefined,
): readonly Field[] {
  const entries = Object.entries(list ?? {}).sort(([a], [b]) => a.localeCompare(b));
  return entries.length === 0 ? [] : [[label, entries]];
}

/** A label with a table below it. @param rows - without the indentation. */
export function tableBlock(
  label: string,
  heading: readonly string[],
  rows: readonly (readonly string[])[],
): readonly string[] {
  const indented = [heading, heading.map((word) => word.replace(/\S/g, "-")), ...rows].map(
    ([first = "", ...rest]) => [`  ${first}`, ...rest],
  );
  return [`${label}:`, formatTable(indented)];
}

export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
}

/** Conditions; reasons have columns of their own when one says something. */
export function conditionBlock(conditions: readonly Condition[]): readonly string[] {
  if (conditions.length === 0) return [];
  const hasReasons = conditions.some(({ reason, message }) => Boolean(reason) || Boolean(message));
  const rows = conditions.map(({ type, status, reason = "", message = "" }) => [
    ...[`  ${type}`, status],
    ...(hasReasons ? [reason, message] : []),
  ]);
  const heading = ["  Type", "Status", ...(hasReasons ? ["Reason", "Message"] : [])];
  return [
    "Conditions:",
    ...formatTable([heading, ...rows])
      .split("\n")
      .map((row) => row.trimEnd()),
  ];
}
