/**
 * Schemas out of the generated definitions of Kubernetes (`definitions.gen.ts`).
 *
 * A field's code: `string` `boolean` `int32` `int64` `double` `quantity` `intOrString` `time` `bytes` (base64)
 * `any`, the name of a definition, `"A"|"B"` for choices, `[code]` for lists, `{code}` for maps; then `!` when the
 * field must be written and `~` when it is filled in. What nspod refuses of it stands in `field-support.ts`.
 */
import { invariant } from "../base/assert.ts";
import { definitions, kindDefinitions } from "./definitions.gen.ts";
import { refusal, refusedValues } from "./field-support.ts";
import { objectMeta } from "./meta-schema.ts";
import {
  any,
  boolean,
  bytes,
  double,
  int32,
  int64,
  intOrString,
  list,
  map,
  object,
  oneOf,
  orZero,
  quantity,
  required,
  type Schema,
  string,
  timestamp,
} from "./schema.ts";

const basic: Readonly<Record<string, Schema<unknown>>> = {
  string,
  boolean,
  int32,
  int64,
  double,
  quantity,
  intOrString,
  time: timestamp,
  bytes,
  any,
  ObjectMeta: objectMeta,
};

const made = new Map<string, Schema<object>>();

/**
 * The schema of a definition.
 * @param name - as in the API reference: `Pod`, `ConfigMap`. T is its type in `kubernetes.gen.ts`.
 */
export function schemaOf<T extends object>(name: string): Schema<T> {
  const schema = made.get(name) ?? makeSchema(name);
  made.set(name, schema);
  // The generator writes the types and the definitions from one source.
  return schema as Schema<T>;
}

function makeSchema(name: string): Schema<object> {
  const fields = definitions[name];
  invariant(fields !== undefined, `"${name}" is a definition of Kubernetes`);
  const table: Record<string, unknown> = {};
  const refused: Record<string, string> = {};
  for (const [field, code] of Object.entries(fields)) {
    const reason = refusal(name, field);
    if (reason === undefined) table[field] = fieldOf(name, field, code);
    else refused[field] = reason;
  }
  return object(table as Record<string, Schema<unknown>>, { refused });
}

function fieldOf(definition: string, field: string, code: string): unknown {
  const bare = code.replace(/[!~]$/, "");
  const schema = schemaOfCode(bare, refusedValues(definition, field));
  if (code.endsWith("!")) return required(schema);
  const isFilled = code.endsWith("~") || (field === "metadata" && definition in kindDefinitions);
  return isFilled ? orZero(schema) : schema;
}

function schemaOfCode(code: string, refused: readonly string[] = []): Schema<unknown> {
  if (code.startsWith("[")) return list(schemaOfCode(code.slice(1, -1), refused));
  if (code.startsWith("{")) return map(schemaOfCode(code.slice(1, -1)));
  if (code.startsWith('"')) {
    const values = code.split("|").map((value) => JSON.parse(value) as string);
    const [first, ...rest] = values.filter((value) => !refused.includes(value));
    invariant(first !== undefined, "a choice has a value that is not refused");
    return oneOf([first, ...rest], refused);
  }
  return basic[code] ?? lazy(code);
}

/** Definitions may refer to themselves: made when first used. */
function lazy(name: string): Schema<unknown> {
  return {
    zero: () => schemaOf(name).zero(),
    decode: (value, path, context) => schemaOf(name).decode(value, path, context),
  };
}
