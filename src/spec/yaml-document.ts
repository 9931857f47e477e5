/**
 * YAML (or JSON) text to plain values that remember where they were written.
 *
 * Invariants: hostile text costs bounded time and memory — values are counted after alias expansion, and so is
 * depth. Duplicate keys, foreign tags and keys that Kubernetes would turn into something else are complaints,
 * never guesses. Structure: `yaml-syntax.ts`; scalars: `yaml-scalar.ts`. Maps have no prototype, so `__proto__`
 * is a plain key.
 */

import type { Document, ParsedNode, YAMLParseError } from "yaml";
import { isAlias, isMap, isScalar, isSeq, LineCounter } from "yaml";
import { childPath, itemPath, MAX_ISSUES, splitPath } from "./field-issue.ts";
import { escapeControls, quote, shorten } from "./quote.ts";
import { isObject } from "./schema.ts";
import { resolvePlainScalar } from "./yaml-scalar.ts";
import { parseYamlSyntax } from "./yaml-syntax.ts";

/** 1-based line and column (in UTF-16 units) of a text. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A complaint with its place in the text. */
export interface LocatedIssue extends Position {
  readonly path: string;
  readonly message: string;
}

/** One document of a YAML stream. */
export interface YamlDocument {
  /** Strings, numbers, bigints, booleans, null, arrays and prototype-less objects. */
  readonly value: unknown;
  /** False when the syntax is broken and `value` means nothing. */
  readonly isReadable: boolean;
  readonly issues: readonly LocatedIssue[];
  /** Where a field (or its key) stands; the nearest ancestor when the field is not there. */
  readonly locate: (path: string, at?: "key" | "value") => Position;
  /** Source text of a plain scalar that is no string: `0644`, `yes`. */
  readonly written: (path: string) => string | undefined;
}

/** Values in a text, over all documents. */
const MAX_VALUES = 100_000;
/** Values that aliases repeat. */
const MAX_ALIASED_VALUES = 10_000;
/** Levels of nesting after aliases are expanded. */
const MAX_DEPTH = 100;
/** After the first mistakes of one document, syntax errors are echoes. */
const MAX_SYNTAX_ISSUES = 5;
const LONGEST_MESSAGE = 200;

/** Reads all documents of a text; empty ones (comments only) are left out. */
export function readYaml(text: string): YamlDocument[] {
  const lines = new LineCounter();
  const parsed = parseYamlSyntax(text, lines);
  if (!Array.isArray(parsed)) {
    return [unreadable(parsed.message, positionAt(lines, parsed.offset))];
  }
  const budget = { values: MAX_VALUES, aliased: MAX_ALIASED_VALUES };
  return parsed
    .filter((document) => document.errors.length > 0 || document.contents !== null)
    .filter((document) => document.errors.length > 0 || !isEmptyScalar(document))
    .map((document) => new DocumentReader(document, lines, budget).read());
}

function isEmptyScalar({ contents }: Document.Parsed): boolean {
  return isScalar(contents) && contents.type === "PLAIN" && contents.source === "";
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(line, 1), column: Math.max(col, 1) };
}

function unreadable(message: string, position: Position): YamlDocument {
  return {
    value: null,
    isReadable: false,
    issues: [{ path: "", message, ...position }],
    locate: () => position,
    written: () => undefined,
  };
}

/** Where a map entry or list item stands. */
interface Spot {
  readonly key: number;
  readonly value: number;
  readonly written?: string;
}

/** What may still be read; shared by the documents of a text. */
interface Budget {
  values: number;
  aliased: number;
}

type Node = ParsedNode | null;

class DocumentReader {
  readonly #document: Document.Parsed;
  readonly #lines: LineCounter;
  readonly #budget: Budget;
  readonly #issues: LocatedIssue[] = [];
  readonly #anchors = new Map<string, ParsedNode>();
  /** Spots of the children of each converted map and list. */
  readonly #spots = new WeakMap<object, Map<string | number, Spot>>();
  #written: string | undefined;
  #isStopped = false;
  /** How many aliases the current value is in. */
  #aliasDepth = 0;

  constructor(document: Document.Parsed, lines: LineCounter, budget: Budget) {
    this.#document = document;
    this.#lines = lines;
    this.#budget = budget;
  }

  read(): YamlDocument {
    const { contents, errors } = this.#document;
    this.#reportSyntax(errors);
    const value = errors.length === 0 ? this.#convert(contents, "", 0) : null;
    const root: Spot = this.#spot(contents, contents);
    return {
      value,
      isReadable: errors.length === 0 && !this.#isStopped,
      issues: this.#issues,
      locate: (path, at = "value") => {
        const [spot, isExact] = this.#find(value, root, path);
        return positionAt(this.#lines, at === "key" && isExact ? spot.key : spot.value);
      },
      written: (path) => {
        const [spot, isExact] = this.#find(value, root, path);
        return isExact ? spot.written : undefined;
      },
    };
  }

  #find(value: unknown, root: Spot, path: string): [spot: Spot, isExact: boolean] {
    let spot = root;
    let container = value;
    for (const segment of splitPath(path)) {
      const next =
        typeof container === "object" && container !== null
          ? this.#spots.get(container)?.get(segment)
          : undefined;
      if (next === undefined) {
        return [spot, false];
      }
      spot = next;
      container = childOf(container, segment);
    }
    return [spot, true];
  }

  #convert(node: Node, path: string, depth: number): unknown {
    this.#written = undefined;
    if (node === null || this.#isStopped) {
      return null;
    }
    if (this.#isOverBudget(depth, node.range[0])) {
      return null;
    }
    if (isAlias(node)) {
      this.#aliasDepth++;
      const value = this.#convert(this.#resolve(node, path), path, depth + 1);
      this.#aliasDepth--;
      return value;
    }
    if (node.anchor !== undefined) {
      this.#anchors.set(node.anchor, node);
    }
    if (isMap(node)) {
      this.#checkTag(node, path, "map");
      return this.#convertMap(node.items, path, depth);
    }
    if (isSeq(node)) {
      this.#checkTag(node, path, "seq");
      const result: unknown[] = [];
      const spots = this.#spotsOf(result);
      for (const [index, item] of node.items.entries()) {
        // The parser puts nodes only into sequences that it read; pairs come from its own 1.1 tags, which are off.
        const child = item as Node;
        result.push(this.#convert(child, itemPath(path, index), depth + 1));
        spots.set(index, this.#spot(child, child));
      }
      return result;
    }
    return this.#convertScalar(node, path);
  }

  /** Counts one value; breaking a limit ends the reading of this document. */
  #isOverBudget(depth: number, offset: number): boolean {
    const excess = this.#takeBudget(depth);
    if (excess !== undefined && !this.#isStopped) {
      this.#isStopped = true;
      this.#report("", excess, offset);
    }
    return this.#isStopped;
  }

  #takeBudget(depth: number): string | undefined {
    this.#budget.values--;
    if (this.#aliasDepth > 0) {
      this.#budget.aliased--;
    }
    if (depth > MAX_DEPTH) {
      return `is nested deeper than ${MAX_DEPTH} levels`;
    }
    if (this.#budget.aliased < 0) {
      return `repeats more than ${MAX_ALIASED_VALUES} values by aliases`;
    }
    return this.#budget.values < 0 ? `has more than ${MAX_VALUES} values: split it` : undefined;
  }

  /** The first errors, one per line: the others are mostly echoes. */
  #reportSyntax(errors: readonly YAMLParseError[]): void {
    const seen = new Set<number>();
    for (const error of errors) {
      const { line } = positionAt(this.#lines, error.pos[0]);
      if (!seen.has(line) && seen.size < MAX_SYNTAX_ISSUES) {
        seen.add(line);
        this.#report("", error.message, error.pos[0]);
      }
    }
  }

  #resolve(node: ParsedNode & { readonly source: string }, path: string): Node {
    const target = this.#anchors.get(node.source);
    if (target === undefined) {
      this.#report(path, `alias *${node.source} has no anchor before it`, node.range[0]);
      return null;
    }
    return target;
  }

  #convertScalar(node: ParsedNode, path: string): unknown {
    const source = isScalar(node) && typeof node.value === "string" ? node.value : "";
    const tag = node.tag?.replace("tag:yaml.org,2002:", "!!");
    const isPlain = isScalar(node) && node.type === "PLAIN";
    if (tag === "!" || tag === "!!str" || (tag === undefined && !isPlain)) {
      return source;
    }
    if (tag === undefined || ["!!int", "!!float", "!!bool", "!!null"].includes(tag)) {
      const value = resolvePlainScalar(source);
      this.#written = typeof value === "string" ? undefined : source;
      return value;
    }
    this.#report(path, `tag ${quote(tag)} is not supported`, node.range[0]);
    return source;
  }

  #convertMap(
    items: readonly { key: unknown; value: unknown }[],
    path: string,
    depth: number,
  ): unknown {
    const result: Record<string, unknown> = Object.create(null);
    const spots = this.#spotsOf(result);
    const merged: [Node, number][] = [];
    for (const pair of items) {
      // Each pair counts, also the broken ones that lead to no value.
      if (this.#isOverBudget(depth, (pair.key as Node)?.range[0] ?? 0)) {
        break;
      }
      // Both sides come from the parser.
      const [keyNode, valueNode] = [pair.key as Node, pair.value as Node];
      const key = this.#readKey(keyNode, path);
      if (key === undefined) {
        continue;
      }
      const at = childPath(path, key);
      const first = spots.get(key);
      if (first !== undefined) {
        const { line } = positionAt(this.#lines, first.key);
        this.#report(at, `is written twice: first in line ${line}`, keyNode?.range[0] ?? 0);
        continue;
      }
      if (key === "<<" && isScalar(keyNode) && keyNode.type === "PLAIN") {
        merged.push([valueNode, keyNode.range[0]]);
        continue;
      }
      result[key] = this.#convert(valueNode, at, depth + 1);
      spots.set(key, this.#spot(keyNode, valueNode));
    }
    for (const [source, offset] of merged) {
      this.#merge(result, this.#convert(source, path, depth + 1), path, offset);
    }
    return result;
  }

  /** YAML 1.1 merge key: keys of the map itself win, then those of the first source. */
  #merge(result: Record<string, unknown>, source: unknown, path: string, offset: number): void {
    const spots = this.#spotsOf(result);
    for (const candidate of Array.isArray(source) ? source : [source]) {
      if (!isObject(candidate)) {
        if (!this.#isStopped) {
          this.#report(path, "merge key << must name a map or a list of maps", offset);
        }
        return;
      }
      for (const [key, spot] of this.#spotsOf(candidate)) {
        if (!spots.has(key)) {
          result[key] = candidate[key];
          spots.set(key, spot);
        }
      }
    }
  }

  /** A key as text. Kubernetes turns `on:` into "true" and `0644:` into "420"; nobody means that. */
  #readKey(node: Node, path: string): string | undefined {
    const target = isAlias(node) ? this.#resolve(node, path) : node;
    if (!isScalar(target)) {
      this.#report(path, "has a key that is no text", node?.range[0] ?? 0);
      return undefined;
    }
    const value = this.#convertScalar(target, path);
    if (typeof value !== "string" && String(value) !== target.source) {
      const source = quote(String(target.source));
      this.#report(
        path,
        `has a key that YAML reads as ${String(value)}: write ${source}`,
        target.range[0],
      );
      return undefined;
    }
    return String(value);
  }

  #checkTag(node: ParsedNode, path: string, expected: "map" | "seq"): void {
    if (node.tag !== undefined && node.tag !== `tag:yaml.org,2002:${expected}`) {
      this.#report(path, `tag ${quote(node.tag)} is not supported`, node.range[0]);
    }
  }

  #spotsOf(container: object): Map<string | number, Spot> {
    let spots = this.#spots.get(container);
    if (spots === undefined) {
      spots = new Map();
      this.#spots.set(container, spots);
    }
    return spots;
  }

  /** To be called right after `#convert(value)`, which leaves the scalar's source text behind. */
  #spot(key: Node, value: Node): Spot {
    const keyOffset = key?.range[0] ?? 0;
    const offsets = { key: keyOffset, value: value?.range[0] ?? key?.range[1] ?? keyOffset };
    return this.#written === undefined ? offsets : { ...offsets, written: this.#written };
  }

  #report(path: string, message: string, offset: number): void {
    if (this.#issues.length <= MAX_ISSUES) {
      // The parser's own messages quote the text as it is.
      const shown = escapeControls(shorten(message, LONGEST_MESSAGE));
      this.#issues.push({ path, message: shown, ...positionAt(this.#lines, offset) });
    }
  }
}

function childOf(container: unknown, segment: string | number): unknown {
  if (Array.isArray(container)) {
    return typeof segment === "number" ? container[segment] : undefined;
  }
  return isObject(container) ? container[segment] : undefined;
}
