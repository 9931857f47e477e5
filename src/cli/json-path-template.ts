/**
 * Templates of `-o jsonpath=`: text with paths, quoted text and loops in braces.
 *
 *   {.metadata.name}{"\t"}{.status.phase}{"\n"}
 *   {range .items[*]}{.metadata.name}{"\n"}{end}
 *
 * Several values of one path stand with spaces between them; maps and lists are JSON. Pure.
 * Source: Kubernetes, "JSONPath Support".
 */
import { PodError } from "../base/errors.ts";
import { findByPath, type JsonPath, parseJsonPath } from "./json-path.ts";

type Part =
  | { readonly part: "text"; readonly text: string }
  | { readonly part: "path"; readonly path: JsonPath }
  | { readonly part: "range"; readonly path: JsonPath; readonly body: readonly Part[] };

/** A template that was understood. */
export interface JsonPathTemplate {
  readonly parts: readonly Part[];
}

/** @throws PodError InvalidArgument. */
export function parseJsonPathTemplate(template: string): JsonPathTemplate {
  const pieces = split(template);
  const stack: { readonly path: JsonPath | undefined; readonly parts: Part[] }[] = [
    { path: undefined, parts: [] },
  ];
  for (const piece of pieces) {
    const top = stack.at(-1);
    if (top === undefined) break;
    if (!piece.isCode) {
      top.parts.push({ part: "text", text: piece.text });
      continue;
    }
    const code = piece.text.trim();
    const range = /^range\s+(.*)$/s.exec(code)?.[1];
    if (range !== undefined) {
      stack.push({ path: parseJsonPath(range), parts: [] });
    } else if (code === "end") {
      stack.pop();
      const outer = stack.at(-1);
      if (outer === undefined || top.path === undefined) {
        throw new PodError("InvalidArgument", `JSONPath "${template}": {end} without {range}`);
      }
      outer.parts.push({ part: "range", path: top.path, body: top.parts });
    } else {
      top.parts.push(...codeParts(code));
    }
  }
  const [whole, open] = stack;
  if (open !== undefined || whole === undefined) {
    throw new PodError("InvalidArgument", `JSONPath "${template}": {range} without {end}`);
  }
  return { parts: whole.parts };
}

/** The text that a template makes of a value. */
export function renderJsonPath(template: JsonPathTemplate, root: unknown): string {
  return renderParts(template.parts, root, root);
}

function renderParts(parts: readonly Part[], current: unknown, root: unknown): string {
  return parts.map((part) => renderPart(part, current, root)).join("");
}

function renderPart(part: Part, current: unknown, root: unknown): string {
  switch (part.part) {
    case "text":
      return part.text;
    case "path":
      return findByPath(part.path, current, root).map(shownValue).join(" ");
    case "range":
      return findByPath(part.path, current, root)
        .map((item) => renderParts(part.body, item, root))
        .join("");
  }
}

/** A value as text: strings as they are, maps and lists as JSON. */
export function shownValue(value: unknown): string {
  if (typeof value === "string") return value;
  return value === undefined || value === null ? "" : JSON.stringify(value);
}

/** Braces hold quoted text and one path, in any number and order. */
function codeParts(code: string): readonly Part[] {
  const words = code.match(
    /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?:\[(?:[^\]"']|"[^"]*"|'[^']*')*\]|[^\s"'])+/gs,
  );
  return (words ?? []).map((word): Part => {
    const quoted = /^(["'])(.*)\1$/s.exec(word)?.[2];
    return quoted === undefined
      ? { part: "path", path: parseJsonPath(word) }
      : { part: "text", text: unescaped(quoted) };
  });
}

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter);
}

/** Text and what stands in braces; braces in quotes and filters belong to what they stand in. */
function split(template: string): readonly { readonly isCode: boolean; readonly text: string }[] {
  const pieces: { readonly isCode: boolean; readonly text: string }[] = [];
  const pattern = /\{((?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^{}"'])*)\}|([^{}]+)|([{}])/gs;
  for (const [, code, text, odd] of template.matchAll(pattern)) {
    if (odd !== undefined) {
      throw new PodError("InvalidArgument", `JSONPath "${template}": "${odd}" has no partner`);
    }
    pieces.push(
      code === undefined ? { isCode: false, text: text ?? "" } : { isCode: true, text: code },
    );
  }
  return pieces;
}
