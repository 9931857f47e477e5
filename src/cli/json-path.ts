/**
 * Paths into JSON as kubectl reads them: `.spec.containers[*].name`, `.metadata.labels.app\.example\.com/name`,
 * `..image`, `['a','b']`, `[0,-1]`, `[1:3]`, `[?(@.type=="Ready")].status`.
 *
 * A step that finds nothing gives nothing. Pure. Source: Kubernetes, "JSONPath Support".
 */
import { PodError } from "../base/errors.ts";
import { isObject } from "../spec/schema.ts";

type Step =
  | { readonly step: "field"; readonly names: readonly string[] }
  | { readonly step: "every" }
  | { readonly step: "below" }
  | { readonly step: "items"; readonly indices: readonly number[] }
  | {
      readonly step: "slice";
      readonly from: number | undefined;
      readonly to: number | undefined;
      readonly by: number;
    }
  | { readonly step: "filter"; readonly left: Operand; readonly test: Test | undefined };

interface Test {
  readonly operator: string;
  readonly right: Operand;
}

type Operand = { readonly path: JsonPath } | { readonly value: string | number | boolean };

/** A path that was understood. */
export interface JsonPath {
  /** Begins at the whole document ("$") instead of at what is current. */
  readonly isAbsolute: boolean;
  readonly steps: readonly Step[];
}

/**
 * Reads a path; `{…}` around it and the leading dot may be left out.
 * @throws PodError InvalidArgument that shows the rest that makes no sense.
 */
export function parseJsonPath(text: string): JsonPath {
  const bare = /^\{(.*)\}$/s.exec(text.trim())?.[1] ?? text.trim();
  const reader = new PathReader(/^[.[$@]/.test(bare) ? bare : `.${bare}`, text);
  const path = reader.path();
  reader.expectEnd();
  return path;
}

/** What a path finds, in the order of the document. @param root - what "$" means. */
export function findByPath(path: JsonPath, current: unknown, root: unknown): readonly unknown[] {
  let found: readonly unknown[] = [path.isAbsolute ? root : current];
  for (const step of path.steps) found = found.flatMap((value) => take(step, value, root));
  return found;
}

function take(step: Step, value: unknown, root: unknown): readonly unknown[] {
  switch (step.step) {
    case "field":
      if (!isObject(value)) return [];
      return step.names.flatMap((name) => (Object.hasOwn(value, name) ? [value[name]] : []));
    case "every":
      return children(value);
    case "below":
      return below(value);
    case "items":
      if (!Array.isArray(value)) return [];
      return step.indices.flatMap((index) => {
        const place = index < 0 ? value.length + index : index;
        return place in value ? [value[place] as unknown] : [];
      });
    case "slice": {
      if (!Array.isArray(value)) return [];
      const part = value.slice(step.from ?? 0, step.to ?? value.length);
      return part.filter((_, index) => index % step.by === 0);
    }
    case "filter":
      return children(value).filter((item) => holds(step.left, step.test, item, root));
  }
}

function children(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return isObject(value) ? Object.values(value) : [];
}

function below(value: unknown): readonly unknown[] {
  return [value, ...children(value).flatMap(below)];
}

function holds(left: Operand, test: Test | undefined, item: unknown, root: unknown): boolean {
  const values = valuesOf(left, item, root);
  if (test === undefined) return values.length > 0;
  const [one] = values;
  const [other] = valuesOf(test.right, item, root);
  if (one === undefined || other === undefined) return false;
  return compares(one, test.operator, other);
}

function valuesOf(operand: Operand, item: unknown, root: unknown): readonly unknown[] {
  return "path" in operand ? findByPath(operand.path, item, root) : [operand.value];
}

function compares(one: unknown, operator: string, other: unknown): boolean {
  if (operator === "==") return one === other;
  if (operator === "!=") return one !== other;
  const comparable =
    (typeof one === "number" && typeof other === "number") ||
    (typeof one === "string" && typeof other === "string");
  if (!comparable) return false;
  const order = one < other ? -1 : one > other ? 1 : 0;
  const accepted = { "<": [-1], "<=": [-1, 0], ">": [1], ">=": [0, 1] }[operator] ?? [];
  return accepted.includes(order);
}

class PathReader {
  readonly #text: string;
  readonly #whole: string;
  #at = 0;

  constructor(text: string, whole: string) {
    this.#text = text;
    this.#whole = whole;
  }

  path(): JsonPath {
    const start = this.#match(/[$@]/y);
    const steps: Step[] = [];
    for (;;) {
      const step = this.#step();
      if (step === undefined) return { isAbsolute: start === "$", steps };
      steps.push(...step);
    }
  }

  expectEnd(): void {
    if (this.#at < this.#text.length) throw this.#problem();
  }

  #step(): readonly Step[] | undefined {
    if (this.#match(/\.\./y) !== undefined) {
      return [{ step: "below" }, ...(this.#field() ?? [])];
    }
    if (this.#match(/\.(?=\[)/y) !== undefined) return this.#brackets();
    if (this.#match(/\./y) !== undefined) return this.#field() ?? [];
    return this.#match(/\[/y) === undefined ? undefined : this.#inBrackets();
  }

  #brackets(): readonly Step[] {
    this.#match(/\[/y);
    return this.#inBrackets();
  }

  #field(): readonly Step[] | undefined {
    if (this.#match(/\*/y) !== undefined) return [{ step: "every" }];
    const word = this.#match(/(?:\\.|[^\s.[\]{}()*?,:=<>!|&'"$@\\])+/y);
    if (word === undefined) return undefined;
    return [{ step: "field", names: [word.replace(/\\(.)/g, "$1")] }];
  }

  /** What stands between "[" and "]". */
  #inBrackets(): readonly Step[] {
    if (this.#match(/\?\(/y) !== undefined) return [this.#filter()];
    if (this.#match(/\s*\*\s*\]/y) !== undefined) return [{ step: "every" }];
    const inner = this.#match(/(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\]'"])*\]/y)?.slice(0, -1);
    if (inner === undefined) throw this.#problem();
    const quoted = [...inner.matchAll(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/g)];
    if (quoted.length > 0) {
      const names = quoted.map(([, one, two]) => (one ?? two ?? "").replace(/\\(.)/g, "$1"));
      return [{ step: "field", names }];
    }
    const slice = /^\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(\d+)?\s*)?$/.exec(inner);
    if (slice !== null) {
      const [, from, to, by] = slice;
      const number = (word: string | undefined): number | undefined =>
        word === undefined ? undefined : Number(word);
      return [{ step: "slice", from: number(from), to: number(to), by: Number(by ?? 1) || 1 }];
    }
    const words = inner.split(",").map((word) => word.trim());
    if (words.some((word) => !/^-?\d+$/.test(word))) throw this.#problem();
    return [{ step: "items", indices: words.map(Number) }];
  }

  #filter(): Step {
    const left = this.#operand();
    const operator = this.#match(/\s*(?:==|!=|<=|>=|<|>)/y)?.trim();
    const test = operator === undefined ? undefined : { operator, right: this.#operand() };
    if (this.#match(/\s*\)\s*\]/y) === undefined) throw this.#problem();
    return { step: "filter", left, test };
  }

  #operand(): Operand {
    this.#match(/\s+/y);
    const text = this.#match(/'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"/y);
    if (text !== undefined) return { value: text.slice(1, -1).replace(/\\(.)/g, "$1") };
    const number = this.#match(/-?\d+(?:\.\d+)?/y);
    if (number !== undefined) return { value: Number(number) };
    const word = this.#match(/(?:true|false)\b/y);
    if (word !== undefined) return { value: word === "true" };
    if (!/[@$.]/.test(this.#text[this.#at] ?? "")) throw this.#problem();
    return { path: this.path() };
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #problem(): PodError {
    const rest = this.#text.slice(this.#at);
    const where = rest === "" ? "it ends too early" : `cannot read it from "${rest}" on`;
    return new PodError("InvalidArgument", `JSONPath "${this.#whole}": ${where}`);
  }
}
