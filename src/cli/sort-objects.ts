/** The order of lists: by name, events by time, or by what `--sort-by` says. Pure. */
import { PodError } from "../base/errors.ts";
import type { Event } from "../spec/event.ts";
import { compareQuantities, isQuantity, parseQuantity } from "../spec/quantity.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { findByPath, parseJsonPath } from "./json-path.ts";

/** Objects of one kind as `get` lists them. */
export function sortObjects<T extends KubernetesObject>(objects: readonly T[]): readonly T[] {
  return [...objects].sort((a, b) =>
    a.kind === "Event" && b.kind === "Event"
      ? // The kind says the type.
        compareEvents(a as unknown as Event, b as unknown as Event)
      : compareNames(a, b),
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function compareNames(
  { metadata: a }: KubernetesObject,
  { metadata: b }: KubernetesObject,
): number {
  return compareText(a.namespace, b.namespace) || compareText(a.name, b.name);
}

/** Oldest first. Time stamps have whole seconds: within one, the store's order of writing decides. */
export function compareEvents(a: Event, b: Event): number {
  const revision = ({ metadata }: Event): number => Number(metadata.resourceVersion ?? 0);
  return compareText(eventTime(a), eventTime(b)) || revision(a) - revision(b);
}

/** When an event happened last; "" when nobody wrote it down. */
function eventTime({ lastTimestamp, metadata }: Event): string {
  return lastTimestamp || metadata.creationTimestamp || "";
}

/**
 * Sorts by a field; objects without it come first.
 * @throws PodError InvalidArgument when no object has the field, as kubectl.
 */
export function sortByField<T extends KubernetesObject>(
  objects: readonly T[],
  field: string,
): readonly T[] {
  const path = parseJsonPath(field);
  const keyed = objects.map((object) => ({ object, key: findByPath(path, object, object)[0] }));
  if (objects.length > 0 && keyed.every(({ key }) => key === undefined)) {
    throw new PodError("InvalidArgument", `--sort-by: no object has a field "${field}"`);
  }
  return keyed.sort((a, b) => compareValues(a.key, b.key)).map(({ object }) => object);
}

let collator: Intl.Collator | undefined;

/** "a2" before "a10". Made when first asked: the collation tables take 10 ms to load. */
function natural(): Intl.Collator {
  collator ??= new Intl.Collator("en", { numeric: true });
  return collator;
}

function compareValues(a: unknown, b: unknown): number {
  if (a === undefined || b === undefined) return Number(a !== undefined) - Number(b !== undefined);
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") {
    if (isQuantity(a) && isQuantity(b))
      return compareQuantities(parseQuantity(a), parseQuantity(b));
    return natural().compare(a, b);
  }
  return natural().compare(JSON.stringify(a), JSON.stringify(b));
}
