/**
 * Strategic merge patch: a merge patch that knows the lists of Kubernetes' types and merges their items by key.
 *
 *   $patch: replace | delete | merge     in a map: what happens to all of it; in a list item: to the item, and
 *                                        an item with only `$patch: replace` replaces the list by the others
 *   $retainKeys: [a, b]                  in a map: every other field goes
 *   $deleteFromPrimitiveList/x: [v]      beside x: these values leave the list of plain values x
 *   $setElementOrder/x: […]              beside x: the order of the items of x; items it does not name keep
 *                                        their place relative to those that were there
 *
 * Pure. Source: Kubernetes, "Update API Objects in Place Using kubectl patch"; sig-api-machinery,
 * "Strategic Merge Patch".
 */

import { PodError } from "../base/errors.ts";
import { definitions } from "./definitions.gen.ts";
import { listStrategy } from "./patch-keys.ts";
import { isObject } from "./schema.ts";
import { definitionOf } from "./visit-fields.ts";

export type JsonMap = Readonly<Record<string, unknown>>;

const PATCH = "$patch";
const RETAIN = "$retainKeys";
const ORDER = "$setElementOrder/";
const DELETE = "$deleteFromPrimitiveList/";

/**
 * The document with the patch; neither argument is changed.
 * @param definition - of the document: a kind, e.g. "Pod"
 * @throws PodError InvalidArgument when the patch makes no sense for the type
 */
export function strategicMerge(document: JsonMap, patch: unknown, definition: string): JsonMap {
  if (!isObject(patch)) throw refusal("A strategic merge patch must be an object");
  return mergeMap(document, patch, definition);
}

function mergeMap(original: JsonMap, patch: JsonMap, definition: string | undefined): JsonMap {
  const directive = patch[PATCH];
  if (directive === "delete") return {};
  if (directive === "replace") return plain(without(patch, PATCH), definition);
  if (directive !== undefined && directive !== "merge") throw badDirective(directive);
  const merged = new Map<string, unknown>(Object.entries(retained(original, patch)));
  for (const [field, value] of Object.entries(patch)) {
    if (field === PATCH || field === RETAIN) continue;
    const list = listOfDirective(field);
    if (list !== undefined) {
      // Beside the list itself it is handled with it.
      if (Object.hasOwn(patch, list)) continue;
      const current = merged.get(list);
      if (Array.isArray(current))
        merged.set(list, mergeList(current, [], patch, { definition, field: list }));
      continue;
    }
    if (value === null) merged.delete(field);
    else merged.set(field, mergeValue(merged.get(field), value, patch, { definition, field }));
  }
  // Defines "__proto__" as a key like any other.
  return Object.fromEntries(merged);
}

/** A field of a definition. */
export interface Place {
  readonly definition: string | undefined;
  readonly field: string;
}

function mergeValue(original: unknown, value: unknown, patch: JsonMap, place: Place): unknown {
  if (isObject(value)) {
    return mergeMap(isObject(original) ? original : {}, value, definitionAt(place));
  }
  if (Array.isArray(value))
    return mergeList(Array.isArray(original) ? original : [], value, patch, place);
  return value;
}

/** Fields that `$retainKeys` does not name go; those that the patch sets must be named. */
function retained(original: JsonMap, patch: JsonMap): JsonMap {
  const keys = patch[RETAIN];
  if (keys === undefined) return original;
  if (!Array.isArray(keys)) throw refusal(`${RETAIN} must be a list of fields`);
  const set = Object.entries(patch).filter(
    ([field, value]) => !field.startsWith("$") && value !== null,
  );
  for (const [field] of set) {
    if (!keys.includes(field))
      throw refusal(`${RETAIN} must name "${field}", which the patch sets`);
  }
  return Object.fromEntries(Object.entries(original).filter(([field]) => keys.includes(field)));
}

function mergeList(
  original: readonly unknown[],
  items: readonly unknown[],
  patch: JsonMap,
  place: Place,
): readonly unknown[] {
  const { definition, field } = place;
  const strategy = definition === undefined ? undefined : listStrategy(definition, field);
  if (strategy === undefined) return items.map((item) => plain(item, definitionAt(place)));
  const order = directiveList(patch, ORDER + field);
  const { key } = strategy;
  if (key === undefined) {
    const dropped = directiveList(patch, DELETE + field) ?? [];
    const kept = original.filter((value) => !dropped.includes(value));
    const merged = [...kept, ...items.filter((value) => !kept.includes(value))];
    return ordered([...new Set(merged)], order, (value) => value, original);
  }
  const identity = (item: unknown): unknown => (isObject(item) ? item[key] : undefined);
  const merged = mergeItems(original, items, { key, definition: definitionAt(place), field });
  return ordered(merged, order, identity, original);
}

function mergeItems(
  original: readonly unknown[],
  items: readonly unknown[],
  {
    key,
    definition,
    field,
  }: { readonly key: string; readonly definition: string | undefined; readonly field: string },
): readonly unknown[] {
  const maps = items.map((item) => {
    if (isObject(item)) return item;
    throw refusal(`Items of "${field}" must be objects`);
  });
  const isReplaced = maps.some((item) => item[PATCH] === "replace");
  let result: unknown[] = isReplaced ? [] : [...original];
  for (const item of maps) {
    const directive = item[PATCH];
    if (directive === "replace") {
      // Alone it only says that the list is replaced; with content it is an item, too.
      if (Object.keys(item).length > 1) result.push(plain(without(item, PATCH), definition));
      continue;
    }
    const wanted = item[key];
    if (wanted === undefined) {
      throw refusal(`Item of "${field}" has no "${key}", by which such items are told apart`);
    }
    // Of a list that is replaced nothing is left to merge with: two items may have one key there.
    const index = isReplaced
      ? -1
      : result.findIndex((candidate) => isObject(candidate) && candidate[key] === wanted);
    if (directive === "delete") {
      result = result.filter((candidate) => !isObject(candidate) || candidate[key] !== wanted);
    } else if (directive !== undefined && directive !== "merge") {
      throw badDirective(directive);
    } else {
      const before = index === -1 ? undefined : result[index];
      const next = mergeMap(isObject(before) ? before : {}, without(item, PATCH), definition);
      if (index === -1) result.push(next);
      else result[index] = next;
    }
  }
  return result;
}

/**
 * The items in the order that the patch asks for. Those it does not name come before the first named one that they
 * stood before until now; the others come last.
 */
function ordered(
  items: readonly unknown[],
  order: readonly unknown[] | undefined,
  identity: (item: unknown) => unknown,
  original: readonly unknown[],
): readonly unknown[] {
  if (order === undefined) return items;
  const wanted = order.map(identity);
  const named = items
    .filter((item) => wanted.includes(identity(item)))
    .sort((a, b) => wanted.indexOf(identity(a)) - wanted.indexOf(identity(b)));
  const others = items.filter((item) => !wanted.includes(identity(item)));
  const places = original.map(identity);
  const placeOf = (item: unknown): number => places.indexOf(identity(item));
  const result: unknown[] = [];
  for (const item of named) {
    const place = placeOf(item);
    while (place !== -1 && others.length > 0) {
      const other = placeOf(others[0]);
      if (other === -1 || other > place) break;
      result.push(others.shift());
    }
    result.push(item);
  }
  return [...result, ...others];
}

/** What a patch says where nothing was: without its directives and without what it removes. */
function plain(value: unknown, definition: string | undefined): JsonMap;
function plain(value: unknown, definition: string | undefined): unknown {
  return isObject(value) ? mergeMap({}, value, definition) : value;
}

function directiveList(patch: JsonMap, name: string): readonly unknown[] | undefined {
  const list = patch[name];
  if (list === undefined || list === null) return undefined;
  if (!Array.isArray(list)) throw refusal(`${name} must be a list`);
  return list;
}

/** `$setElementOrder/containers` → `containers`. */
function listOfDirective(field: string): string | undefined {
  for (const prefix of [ORDER, DELETE]) {
    if (field.startsWith(prefix)) return field.slice(prefix.length);
  }
  return undefined;
}

/** The definition of a field's value, or of the items of a list or map. */
export function definitionAt({ definition, field }: Place): string | undefined {
  if (field === "metadata") return "ObjectMeta";
  const fields = definition === undefined ? {} : (definitions[definition] ?? {});
  const code = Object.hasOwn(fields, field) ? fields[field] : undefined;
  return code === undefined ? undefined : definitionOf(code);
}

function without(map: JsonMap, field: string): JsonMap {
  const { [field]: _, ...rest } = map;
  return rest;
}

function badDirective(directive: unknown): PodError {
  return refusal(`${PATCH} must be replace, delete or merge: got ${JSON.stringify(directive)}`);
}

function refusal(message: string): PodError {
  return new PodError("InvalidArgument", message);
}
