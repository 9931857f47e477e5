/**
 * Sets of fields, as `metadata.managedFields` says who wrote what.
 *
 *   {"f:spec": {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}}}}}
 *
 * A path is a list of such steps. Items of lists with a merge key are told apart by it; other lists are one field.
 * Pure. Source: Kubernetes API reference, FieldsV1; "Server-Side Apply", "Field management".
 */
import { definitions } from "./definitions.gen.ts";
import { listStrategy } from "./patch-keys.ts";
import { isObject } from "./schema.ts";
import { definitionOf } from "./visit-fields.ts";

/** Steps "f:<field>" and "k:{<key>:<value>}"; a path that ends in the latter is the item itself. */
export type FieldPath = readonly string[];

export type FieldTree = { readonly [step: string]: FieldTree };

type JsonMap = Readonly<Record<string, unknown>>;

/** Where a list or map stands, to know how its items are told apart. */
interface Place {
  readonly definition: string | undefined;
  readonly field: string;
}

/** The fields that a value has, down to the leaves. @param definition - of the value, a kind at first. */
export function fieldsOf(value: JsonMap, definition: string | undefined): readonly FieldPath[] {
  return Object.entries(value).flatMap(([field, inner]) =>
    pathsBelow([`f:${field}`], inner, { definition, field }),
  );
}

function pathsBelow(path: FieldPath, value: unknown, place: Place): readonly FieldPath[] {
  const inner = innerDefinition(place);
  const key = keyOf(place, value);
  if (key !== undefined) {
    return (value as readonly JsonMap[]).flatMap((item) => {
      const at = [...path, itemStep(key, item)];
      return [at, ...fieldsOf(item, inner).map((rest) => [...at, ...rest])];
    });
  }
  if (!isObject(value) || Object.keys(value).length === 0) return [path];
  return fieldsOf(value, inner).map((rest) => [...path, ...rest]);
}

/** The definition of what stands in a field, or in its items. */
export function innerDefinition({ definition, field }: Place): string | undefined {
  if (definition === undefined) return undefined;
  if (field === "metadata") return "ObjectMeta";
  const code = definitions[definition]?.[field];
  return code === undefined ? undefined : definitionOf(code);
}

/** The merge key of a list whose items all have one of their own; undefined: the value is one field. */
export function keyOf({ definition, field }: Place, value: unknown): string | undefined {
  const key = definition === undefined ? undefined : listStrategy(definition, field)?.key;
  if (key === undefined || !Array.isArray(value) || value.length === 0) return undefined;
  const keys = value.map((item: unknown) => (isObject(item) ? item[key] : undefined));
  const isWhole = !keys.includes(undefined) && new Set(keys).size === keys.length;
  return isWhole ? key : undefined;
}

export function itemStep(key: string, item: JsonMap): string {
  return `k:${JSON.stringify({ [key]: item[key] })}`;
}

/** Whether a list item is the one that a step names. */
export function isItem(step: string, item: unknown): boolean {
  const wanted = JSON.parse(step.slice(2)) as JsonMap;
  return isObject(item) && Object.entries(wanted).every(([key, value]) => item[key] === value);
}

/** What stands at a path; undefined when there is nothing. */
export function valueAt(value: unknown, path: FieldPath): unknown {
  let current = value;
  for (const step of path) {
    if (step.startsWith("k:")) {
      current = Array.isArray(current) ? current.find((item) => isItem(step, item)) : undefined;
    } else current = isObject(current) ? current[step.slice(2)] : undefined;
  }
  return current;
}

/** The value without what stands at a path; maps that it leaves empty stay. */
export function withoutField<T>(value: T, [step, ...rest]: FieldPath): T {
  if (step === undefined) return value;
  if (step.startsWith("k:")) {
    if (!Array.isArray(value)) return value;
    const items: readonly unknown[] = value;
    return items.flatMap((item) => {
      if (!isItem(step, item)) return [item];
      return rest.length === 0 ? [] : [withoutField(item, rest)];
    }) as T;
  }
  const field = step.slice(2);
  if (!isObject(value) || !Object.hasOwn(value, field)) return value;
  const { [field]: inner, ...others } = value;
  if (rest.length === 0) return others as T;
  return { ...value, [field]: withoutField(inner, rest) };
}

export function treeOf(paths: readonly FieldPath[]): FieldTree {
  interface Node {
    [step: string]: Node;
  }
  const root: Node = {};
  for (const path of paths) {
    let node = root;
    for (const step of path) node = node[step] ??= {};
    if (path.at(-1)?.startsWith("k:")) node["."] = {};
  }
  return root;
}

export function pathsOf(tree: FieldTree, before: FieldPath = []): readonly FieldPath[] {
  return Object.entries(tree).flatMap(([step, inner]) => {
    if (step === ".") return [before];
    const at = [...before, step];
    return Object.keys(inner).length === 0 ? [at] : pathsOf(inner, at);
  });
}

/** `.spec.containers[name="web"].image` */
export function shownField(path: FieldPath): string {
  return path
    .map((step) => {
      if (step.startsWith("f:")) return `.${step.slice(2)}`;
      const keys = Object.entries(JSON.parse(step.slice(2)) as JsonMap);
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
    })
    .join("");
}
