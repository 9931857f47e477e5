/**
 * Typed schema combinators: turn `unknown` (parsed YAML or JSON) into objects of the Kubernetes types.
 *
 * Invariants: `object<T>()` takes a table that must cover every field of `T`, checked by the compiler; every
 * complaint is reported and decoding goes on with the zero value of the type, so one pass finds all mistakes and
 * the result always has its shape. `null` means "absent", as in Kubernetes' JSON. An unknown field is told apart
 * from a Kubernetes field that nspod does not support yet. Nothing here looks at more than its schema does, so
 * the depth of hostile input does not matter.
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import { isQuantity } from "./quantity.ts";
import { quote, shorten } from "./quote.ts";
import { nearestName, suggestion } from "./suggest.ts";

/** What a decoder may use besides the value. */
export interface DecodeContext {
  readonly report: Report;
  /** How the author wrote the scalar at a path when that differs from its value (`0644`, `yes`). */
  readonly written?: (path: string) => string | undefined;
  /** Takes fields that Kubernetes does not have; absent: they are complaints like any other. */
  readonly onUnknownField?: (path: string, message: string) => void;
}

/** Decoder of one type. */
export interface Schema<T> {
  readonly decode: (value: unknown, path: string, context: DecodeContext) => T;
  /** Stand-in after a complaint: "", 0, false, [] or an object of those. */
  readonly zero: () => T;
  /** True for a value that means "not written" besides null: Kubernetes takes "" so for choices. */
  readonly isAbsent?: (value: unknown) => boolean;
}

/** A field that must be written (`required`) or is empty when it is not (`orZero`). */
export interface PresentField<T> {
  readonly presence: "required" | "zero";
  readonly schema: Schema<T>;
}

type IsOptional<T, K extends keyof T> = Record<never, never> extends Pick<T, K> ? true : false;

/** The table of an object: optional fields by schema, the others through `required` or `orZero`. */
export type Fields<T> = {
  readonly [K in keyof T]-?: IsOptional<T, K> extends true
    ? Schema<Exclude<T[K], undefined>>
    : PresentField<T[K]>;
};

/** Reports when the field is missing. */
export function required<T>(schema: Schema<T>): PresentField<T> {
  return { presence: "required", schema };
}

/** Fills in the zero value when the field is missing. */
export function orZero<T>(schema: Schema<T>): PresentField<T> {
  return { presence: "zero", schema };
}

/** Any well-formed Unicode text. Numbers and booleans are refused as Kubernetes refuses them. */
export const string: Schema<string> = {
  zero: () => "",
  decode(value, path, context) {
    if (typeof value !== "string") {
      const quotes = typeof value === "object" ? "" : ": put it in quotes";
      const hint = value === null ? ': write "" for an empty string' : quotes;
      context.report(path, `must be a string: got ${describe(value, path, context)}${hint}`);
      return "";
    }
    if (!value.isWellFormed()) {
      context.report(path, "must be valid Unicode: it has half of a surrogate pair");
      return "";
    }
    return value;
  },
};

/** RFC 3339 date and time, kept as text. */
export const timestamp: Schema<string> = {
  zero: () => "",
  decode(value, path, context) {
    const text = string.decode(value, path, context);
    const isDate = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text);
    if (typeof value === "string" && !(isDate && Number.isFinite(Date.parse(text)))) {
      context.report(path, `must be a time like 2026-01-31T12:00:00Z: got ${quote(text)}`);
    }
    return text;
  },
};

export const boolean: Schema<boolean> = {
  zero: () => false,
  decode(value, path, context) {
    if (typeof value !== "boolean") {
      const hint = value === "true" || value === "false" ? ": remove the quotes" : "";
      context.report(path, `must be true or false: got ${describe(value, path, context)}${hint}`);
      return false;
    }
    return value;
  },
};

/** Integer in −2³¹..2³¹−1. */
export const int32: Schema<number> = integer(-(2 ** 31), 2 ** 31 - 1);

/** Integer of Kubernetes' int64 fields, as far as a double holds it exactly (±2⁵³−1). */
export const int64: Schema<number> = integer(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);

function integer(min: number, max: number): Schema<number> {
  return {
    zero: () => 0,
    decode(value, path, context) {
      const isWhole = Number.isInteger(value) || typeof value === "bigint";
      if (!isWhole) {
        const hint =
          typeof value === "string" && /^-?\d+$/.test(value) ? ": remove the quotes" : "";
        context.report(path, `must be an integer: got ${describe(value, path, context)}${hint}`);
        return 0;
      }
      const number = Number(value);
      if (number < min || number > max) {
        const got = describe(value, path, context);
        context.report(path, `must be between ${min} and ${max}: got ${got}`);
        return 0;
      }
      return number;
    },
  };
}

/** A number that may have a fraction. */
export const double: Schema<number> = {
  zero: () => 0,
  decode(value, path, context) {
    if (typeof value === "bigint") return Number(value);
    if (typeof value === "number" && Number.isFinite(value)) return value;
    context.report(path, `must be a number: got ${describe(value, path, context)}`);
    return 0;
  },
};

/** A number or the text that stands for one: a port's name, a percentage. */
export const intOrString: Schema<number | string> = {
  zero: () => 0,
  decode(value, path, context) {
    return typeof value === "string" ? value : int32.decode(value, path, context);
  },
};

/** Base64 of any bytes, kept as text. RFC 4648 section 4; line breaks are allowed, as Go's decoder does. */
export const bytes: Schema<string> = {
  zero: () => "",
  decode(value, path, context) {
    const text = string.decode(value, path, context);
    const plain = text.replace(/[\r\n]/g, "");
    if (plain.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(plain)) {
      context.report(path, `must be base64: got ${quote(text)}`);
      return "";
    }
    return plain;
  },
};

/** Any JSON value, as it is. */
export const any: Schema<unknown> = { zero: () => null, decode: (value) => value };

/** Quantity like `100m` or `64Mi`, also written as a bare number; kept as the author's text. */
export const quantity: Schema<string> = {
  zero: () => "0",
  decode(value, path, context) {
    const isNumber = typeof value === "number" || typeof value === "bigint";
    const text = typeof value === "string" ? value.trim() : isNumber ? String(value) : undefined;
    if (text === undefined || !isQuantity(text)) {
      const got = describe(value, path, context);
      context.report(path, `must be a quantity like 500m, 2, 64Mi or 1G: got ${got}`);
      return "0";
    }
    return text;
  },
};

/**
 * One of a fixed set of texts.
 * @param values - what nspod supports; the first is the zero value
 * @param unsupported - further values that Kubernetes knows
 */
export function oneOf<const T extends string>(
  values: readonly [T, ...T[]],
  unsupported: readonly string[] = [],
): Schema<T> {
  const list = values.map((value) => JSON.stringify(value)).join(", ");
  return {
    zero: () => values[0],
    isAbsent: (value) => value === "" && !values.some((candidate) => candidate === ""),
    decode(value, path, context) {
      const found = values.find((candidate) => candidate === value);
      if (found !== undefined) {
        return found;
      }
      const got = describe(value, path, context);
      if (typeof value === "string" && unsupported.includes(value)) {
        context.report(
          path,
          `${got} is a Kubernetes value that nspod does not support yet: use ${list}`,
        );
      } else {
        const only = values.length === 1 ? `must be ${list}` : `must be one of ${list}`;
        const near = (): string => (typeof value === "string" ? suggestion(value, values) : "");
        context.report(path, () => `${only}: got ${got}${near()}`);
      }
      return values[0];
    },
  };
}

/** A list; a bad item stands as its zero value, so that indices stay those of the manifest. */
export function list<T>(item: Schema<T>): Schema<readonly T[]> {
  return {
    zero: () => [],
    decode(value, path, context) {
      if (!Array.isArray(value)) {
        context.report(path, `must be a list: got ${describe(value, path, context)}`);
        return [];
      }
      return value.map((entry: unknown, index) =>
        item.decode(entry, itemPath(path, index), context),
      );
    },
  };
}

/** Names that would reach an object's prototype instead of the object. */
const REFUSED_KEYS: ReadonlySet<string> = new Set(["__proto__", "constructor", "prototype"]);

/** A map from free keys to values of one type. */
export function map<T>(item: Schema<T>): Schema<Readonly<Record<string, T>>> {
  return {
    zero: () => ({}),
    decode(value, path, context) {
      const result: Record<string, T> = {};
      if (!isObject(value)) {
        context.report(path, `must be a map: got ${describe(value, path, context)}`);
        return result;
      }
      for (const key of Object.keys(value)) {
        const at = childPath(path, key);
        if (REFUSED_KEYS.has(key)) {
          context.report(at, "is not allowed as a key", "key");
        } else {
          result[key] = item.decode(value[key], at, context);
        }
      }
      return result;
    },
  };
}

/**
 * An object with exactly the fields of `T`.
 * @param fields - covers every field of `T`
 * @param options - `refused`: further fields that Kubernetes has, each with the reason, "" when it is only not done
 *   yet; `name`: what to call the object in complaints
 */
export function object<T extends object>(
  fields: Fields<T>,
  options: {
    readonly refused?: Readonly<Record<string, string>>;
    readonly name?: string;
  } = {},
): Schema<T> {
  const table = new Map<string, Schema<unknown> | PresentField<unknown>>(Object.entries(fields));
  const refused = new Map(Object.entries(options.refused ?? {}));
  const name = options.name ?? "an object";

  const fill = (result: Record<string, unknown>, missing: (field: string) => void): T => {
    for (const [field, entry] of table) {
      if ("presence" in entry && result[field] === undefined) {
        result[field] = entry.schema.zero();
        if (entry.presence === "required") {
          missing(field);
        }
      }
    }
    // The loops fill every required field by its own schema and admit no other: that is T by construction.
    return result as T;
  };

  return {
    zero: () => fill({}, () => undefined),
    decode(value, path, context) {
      const result: Record<string, unknown> = {};
      if (!isObject(value)) {
        context.report(path, `must be ${name}: got ${describe(value, path, context)}`);
        return fill(result, () => undefined);
      }
      for (const key of Object.keys(value)) {
        const at = childPath(path, key);
        const entry = table.get(key);
        const content = value[key];
        if (entry !== undefined) {
          const schema = "presence" in entry ? entry.schema : entry;
          if (content !== null && content !== undefined && schema.isAbsent?.(content) !== true) {
            result[key] = schema.decode(content, at, context);
          }
        } else if (refused.has(key) && isNothing(key, content)) {
          // It asks for nothing, as if it were not written.
        } else if (refused.has(key)) {
          const reason =
            refused.get(key) || "is a Kubernetes field that nspod does not support yet";
          context.report(at, reason, "key");
        } else if (context.onUnknownField !== undefined) {
          context.onUnknownField(at, unknownField(key, table.keys(), refused.keys()));
        } else {
          context.report(at, () => unknownField(key, table.keys(), refused.keys()), "key");
        }
      }
      return fill(result, (field) => context.report(childPath(path, field), "is required"));
    },
  };
}

/** Null is absent; and Go's encoder writes `resources` always, as `{}` when nothing is set. */
function isNothing(key: string, content: unknown): boolean {
  if (content === null || content === undefined) return true;
  return key === "resources" && isObject(content) && Object.keys(content).length === 0;
}

function unknownField(key: string, known: Iterable<string>, refused: Iterable<string>): string {
  const near = nearestName(key, known) ?? nearestName(key, refused);
  const hint = near === undefined ? "" : `: did you mean "${near}"?`;
  return `unknown field ${quote(key)}${hint}`;
}

/** True for what YAML calls a map and JSON an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Says what was found, in the author's own spelling where it is known. */
export function describe(value: unknown, path: string, context: DecodeContext): string {
  if (typeof value === "string") {
    return quote(value);
  }
  if (Array.isArray(value)) {
    return "a list";
  }
  if (isObject(value)) {
    return "an object";
  }
  const text = context.written?.(path);
  return text === undefined || text === "" ? String(value) : shorten(text);
}
