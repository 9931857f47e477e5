/**
 * What is wrong with one field of an object, and the paths that name fields.
 *
 * A path is written as Kubernetes writes it: `spec.containers[0].image`; map keys that are not plain words stand
 * quoted in brackets: `metadata.labels["app.kubernetes.io/name"]`. The empty path is the object itself.
 */

import { escapeControls, shorten } from "./quote.ts";

/** One complaint. `message` continues the sentence "path: …" and has no final period. */
export interface FieldIssue {
  readonly path: string;
  readonly message: string;
  /** "key" when the field's name is what is wrong (unknown field), so that the position points at it. */
  readonly at?: "key" | "value";
}

/** A message, or how to make it when that costs something: hostile input can hold 100,000 mistakes. */
export type Message = string | (() => string);

/** Takes the complaints of a check. */
export type Report = (path: string, message: Message, at?: "key" | "value") => void;

/** More complaints than this help nobody. */
export const MAX_ISSUES = 100;

/** Gathers complaints; keeps one more than `MAX_ISSUES` and drops the rest unread. */
export class IssueList {
  readonly issues: FieldIssue[] = [];

  readonly report: Report = (path, message, at = "value") => {
    if (this.issues.length <= MAX_ISSUES) {
      this.issues.push({ path, message: messageText(message), at });
    }
  };
}

/** The text of a message. */
export function messageText(message: Message): string {
  return typeof message === "string" ? message : message();
}

const LONGEST_PATH = 300;

/** The path as people see it: map keys in it can be megabytes long. */
export function shownPath(path: string): string {
  return shorten(path, LONGEST_PATH);
}

/** One step of a path: a field or map key, or a list index. */
export type PathSegment = string | number;

const PLAIN_WORD = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Path of a field or map key below `path`. */
export function childPath(path: string, key: string): string {
  if (!PLAIN_WORD.test(key)) {
    return `${path}[${escapeControls(JSON.stringify(key))}]`;
  }
  return path === "" ? key : `${path}.${key}`;
}

/** Path of a list item below `path`. */
export function itemPath(path: string, index: number): string {
  return `${path}[${index}]`;
}

/** Puts `path` below `prefix` (an item of a `List`). */
export function joinPath(prefix: string, path: string): string {
  if (prefix === "" || path === "" || path.startsWith("[")) {
    return prefix + path;
  }
  return `${prefix}.${path}`;
}

/**
 * Splits a path into its steps; the inverse of `childPath` and `itemPath`.
 * Text that is no path ends the list early, so that a lookup still finds the nearest known ancestor.
 */
export function splitPath(path: string): PathSegment[] {
  const segments: PathSegment[] = [];
  const step = /\.?([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/y;
  for (;;) {
    const match = step.exec(path);
    if (match === null) {
      return segments;
    }
    const [, word, index, quoted] = match;
    if (word !== undefined) {
      segments.push(word);
    } else if (index !== undefined) {
      segments.push(Number(index));
    } else if (quoted !== undefined) {
      segments.push(String(JSON.parse(quoted)));
    }
  }
}

/** True when `path` is `other` or lies below it. */
export function isWithin(path: string, other: string): boolean {
  if (other === "" || path === other) {
    return true;
  }
  const next = path[other.length];
  return path.startsWith(other) && (next === "." || next === "[");
}
