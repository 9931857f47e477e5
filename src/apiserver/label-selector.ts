/**
 * Label selectors: the whole grammar of the Kubernetes API.
 *
 *   selector    = [ requirement { "," requirement } ]
 *   requirement = key | "!" key | key ("=" | "==" | "!=") value | key (">" | "<") integer
 *               | key ("in" | "notin") "(" value { "," value } ")"
 *
 * `!=` and `notin` also match objects without the label; an empty value is a value.
 * Source: Kubernetes, "Labels and Selectors"; apimachinery's labels package for > and <.
 */
import { assertNever } from "../base/assert.ts";
import { checkLabelValue, checkQualifiedName } from "../spec/validate-names.ts";
import { badRequest } from "./problem.ts";

export type LabelOperator = "exists" | "absent" | "in" | "notin" | ">" | "<";

export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** One or more for in and notin; one integer for > and <; otherwise none. */
  readonly values: readonly string[];
}

/** @throws RequestProblem 400 that says where the text ends to make sense. */
export function parseLabelSelector(text: string): readonly LabelRequirement[] {
  return new Parser(text).selector();
}

/** Whether labels meet every requirement. */
export function matchesLabels(
  requirements: readonly LabelRequirement[],
  labels: Readonly<Record<string, string>>,
): boolean {
  return requirements.every((requirement) => {
    const { key } = requirement;
    return meets(requirement, Object.hasOwn(labels, key) ? labels[key] : undefined);
  });
}

function meets({ operator, values }: LabelRequirement, value: string | undefined): boolean {
  switch (operator) {
    case "exists":
      return value !== undefined;
    case "absent":
      return value === undefined;
    case "in":
      return value !== undefined && values.includes(value);
    case "notin":
      return value === undefined || !values.includes(value);
    case ">":
    case "<":
      return value !== undefined && compares(value, operator, values[0] ?? "");
    default:
      return assertNever(operator);
  }
}

function compares(value: string, operator: ">" | "<", limit: string): boolean {
  if (!isInteger(value)) return false;
  return operator === ">" ? BigInt(value) > BigInt(limit) : BigInt(value) < BigInt(limit);
}

function isInteger(text: string): boolean {
  return /^-?\d{1,18}$/.test(text);
}

type Token = { readonly text: string; readonly isWord: boolean; readonly at: number };

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #next = 0;

  constructor(text: string) {
    this.#text = text;
    this.#tokens = [...text.matchAll(/\s+|==|!=|[=!<>(),]|[^\s=!<>(),]+/g)]
      .filter(([token]) => token.trim() !== "")
      .map((match) => ({
        text: match[0],
        isWord: !/^[=!<>(),]/.test(match[0]),
        at: match.index,
      }));
  }

  selector(): readonly LabelRequirement[] {
    if (this.#peek() === undefined) return [];
    const requirements = [this.#requirement()];
    while (this.#peek() !== undefined) {
      this.#expect(",");
      requirements.push(this.#requirement());
    }
    return requirements;
  }

  #requirement(): LabelRequirement {
    if (this.#accept("!")) return { key: this.#key(), operator: "absent", values: [] };
    const key = this.#key();
    const operator = this.#peek()?.text;
    switch (operator) {
      case undefined:
      case ",":
        return { key, operator: "exists", values: [] };
      case "=":
      case "==":
        this.#next++;
        return { key, operator: "in", values: [this.#value()] };
      case "!=":
        this.#next++;
        return { key, operator: "notin", values: [this.#value()] };
      case ">":
      case "<":
        this.#next++;
        return { key, operator, values: [this.#integer()] };
      case "in":
      case "notin":
        this.#next++;
        return { key, operator, values: this.#values() };
      default:
        throw this.#unexpected("an operator");
    }
  }

  #key(): string {
    const key = this.#word("a label key");
    const complaint = checkQualifiedName(key);
    if (complaint !== undefined) throw this.#problem(`key ${complaint}`);
    return key;
  }

  /** A value may be empty: `a=,b`, `a in (,b)`. */
  #value(): string {
    const token = this.#peek();
    if (!token?.isWord) return "";
    this.#next++;
    const complaint = checkLabelValue(token.text);
    if (complaint !== undefined) throw this.#problem(`value ${complaint}`);
    return token.text;
  }

  #integer(): string {
    const word = this.#word("an integer");
    if (!isInteger(word)) throw this.#problem(`must compare with an integer: got "${word}"`);
    return word;
  }

  #values(): readonly string[] {
    this.#expect("(");
    const values = [this.#value()];
    while (this.#accept(",")) values.push(this.#value());
    this.#expect(")");
    return values;
  }

  #peek(): Token | undefined {
    return this.#tokens[this.#next];
  }

  #accept(text: string): boolean {
    if (this.#peek()?.text !== text) return false;
    this.#next++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#accept(text)) throw this.#unexpected(`"${text}"`);
  }

  #word(what: string): string {
    const token = this.#peek();
    if (!token?.isWord) throw this.#unexpected(what);
    this.#next++;
    return token.text;
  }

  #unexpected(wanted: string): Error {
    const token = this.#peek();
    const found = token === undefined ? "the end" : `"${token.text}" at ${token.at + 1}`;
    return this.#problem(`expected ${wanted}: found ${found}`);
  }

  #problem(message: string): Error {
    return badRequest(`labelSelector "${this.#text}": ${message}`);
  }
}
