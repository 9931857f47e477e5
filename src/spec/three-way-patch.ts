/**
 * The strategic merge patch of `apply`: from what was applied last, what is wished now and what is stored.
 *
 *   wished and different from what is stored   set
 *   applied last and no longer wished          removed
 *   everything else                            left alone: defaults, and what others wrote
 *
 * Pure. Source: Kubernetes, "Declarative Management of Kubernetes Objects Using Configuration Files",
 * "How apply calculates differences and merges changes".
 */
import { isDeepStrictEqual } from "node:util";
import { listStrategy } from "./patch-keys.ts";
import { isObject } from "./schema.ts";
import { definitionAt, type JsonMap, type Place } from "./strategic-merge.ts";

export interface ThreeWay<T> {
  /** What was applied last; undefined when nothing is known. */
  readonly before: T;
  readonly wanted: T;
  readonly live: T;
}

/** @param definition - the kind. @returns undefined when there is nothing to change. */
export function threeWayPatch(
  { before, wanted, live }: ThreeWay<JsonMap>,
  definition: string,
): JsonMap | undefined {
  const patch = patchOfMap({ before, wanted, live }, definition);
  return Object.keys(patch).length === 0 ? undefined : patch;
}

function patchOfMap(
  { before, wanted, live }: ThreeWay<JsonMap>,
  definition: string | undefined,
): JsonMap {
  const patch = new Map<string, unknown>();
  for (const [field, value] of Object.entries(wanted)) {
    const place = { definition, field };
    const parts = patchOfField({ before: before[field], wanted: value, live: live[field] }, place);
    for (const [name, part] of Object.entries(parts)) patch.set(name, part);
  }
  for (const field of Object.keys(before)) {
    if (!Object.hasOwn(wanted, field) && Object.hasOwn(live, field)) patch.set(field, null);
  }
  return Object.fromEntries(patch);
}

function patchOfField({ before, wanted, live }: ThreeWay<unknown>, place: Place): JsonMap {
  const { field } = place;
  if (wanted === undefined || isDeepStrictEqual(wanted, live)) return {};
  if (isObject(wanted) && isObject(live)) {
    const maps = { before: isObject(before) ? before : {}, wanted, live };
    const patch = patchOfMap(maps, definitionAt(place));
    return Object.keys(patch).length === 0 ? {} : { [field]: patch };
  }
  if (Array.isArray(wanted) && Array.isArray(live)) {
    return patchOfList({ before: Array.isArray(before) ? before : [], wanted, live }, place);
  }
  return { [field]: wanted };
}

function patchOfList(lists: ThreeWay<readonly unknown[]>, place: Place): JsonMap {
  const { definition, field } = place;
  const strategy = definition === undefined ? undefined : listStrategy(definition, field);
  if (strategy === undefined) return { [field]: lists.wanted };
  const { key } = strategy;
  return key === undefined ? patchOfSet(lists, field) : patchOfItems(lists, place, key);
}

/** A list of plain values without an order. */
function patchOfSet(
  { before, wanted, live }: ThreeWay<readonly unknown[]>,
  field: string,
): JsonMap {
  const added = wanted.filter((value) => !live.includes(value));
  const removed = before.filter((value) => !wanted.includes(value) && live.includes(value));
  return {
    ...(added.length > 0 && { [field]: added }),
    ...(removed.length > 0 && { [`$deleteFromPrimitiveList/${field}`]: removed }),
  };
}

function patchOfItems(
  { before, wanted, live }: ThreeWay<readonly unknown[]>,
  place: Place,
  key: string,
): JsonMap {
  const { field } = place;
  const [old, next, now] = [byKey(before, key), byKey(wanted, key), byKey(live, key)];
  // Two items of one key (a port for TCP and UDP) cannot be told apart: the list is written whole.
  if (next === undefined || now === undefined) {
    return { [field]: [...wanted, { $patch: "replace" }] };
  }
  const items: JsonMap[] = [];
  for (const [id, item] of next) {
    const known = now.get(id);
    if (known === undefined) {
      items.push(item);
      continue;
    }
    const maps = { before: old?.get(id) ?? {}, wanted: item, live: known };
    const patch = patchOfMap(maps, definitionAt(place));
    if (Object.keys(patch).length > 0) items.push({ [key]: id, ...patch });
  }
  for (const id of old?.keys() ?? []) {
    if (!next.has(id) && now.has(id)) items.push({ $patch: "delete", [key]: id });
  }
  const isInOrder = isDeepStrictEqual(
    [...next.keys()].filter((id) => now.has(id)),
    [...now.keys()].filter((id) => next.has(id)),
  );
  if (items.length === 0 && isInOrder) return {};
  return {
    ...(items.length > 0 && { [field]: items }),
    [`$setElementOrder/${field}`]: [...next.keys()].map((id) => ({ [key]: id })),
  };
}

/** undefined when a key is missing or stands twice. */
function byKey(items: readonly unknown[], key: string): Map<unknown, JsonMap> | undefined {
  const found = new Map<unknown, JsonMap>();
  for (const item of items) {
    if (!isObject(item) || item[key] === undefined || found.has(item[key])) return undefined;
    found.set(item[key], item);
  }
  return found;
}
