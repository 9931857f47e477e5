/**
 * Server-side apply: an object as several writers want it, each of whom says the fields that they care for.
 *
 *   what a writer applies           is merged in, and theirs from now on
 *   what they applied before        and no longer do goes, unless somebody else has it, too
 *   what somebody else has          with another value is a conflict, or taken over by force
 *
 * Writes of other ways (PUT, PATCH) take the fields that they change. Book is kept from the first apply on; what was
 * there before belongs to "before-first-apply". Items of lists are told apart by the keys of strategic merge patch:
 * ports of a container with the same number and different protocols are one field.
 * Pure. Source: Kubernetes, "Server-Side Apply".
 */
import {
  type FieldPath,
  type FieldTree,
  fieldsOf,
  innerDefinition,
  isItem,
  itemStep,
  keyOf,
  pathsOf,
  shownField,
  treeOf,
  valueAt,
  withoutField,
} from "./field-set.ts";
import { firstDifference } from "./first-difference.ts";
import { isObject } from "./schema.ts";

type JsonMap = Readonly<Record<string, unknown>>;

/** One entry of `metadata.managedFields`. */
export interface FieldManager {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  readonly time: string;
  readonly fieldsType: "FieldsV1";
  readonly fieldsV1: FieldTree;
}

export interface Writer {
  readonly manager: string;
  readonly apiVersion: string;
  /** RFC 3339. */
  readonly time: string;
}

export interface FieldConflict {
  readonly manager: string;
  /** `.spec.containers[name="web"].image` */
  readonly field: string;
}

export interface Applied {
  readonly object: JsonMap;
  readonly managers: readonly FieldManager[];
  /** When there are any, the rest says what force would do. */
  readonly conflicts: readonly FieldConflict[];
}

const beforeFirstApply = "before-first-apply";

const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

/** @param current - as it is stored. @param kind - its kind. @param managers - undefined: nobody has applied yet. */
export function applyConfiguration(
  {
    current,
    configuration,
    kind,
    managers,
  }: {
    readonly current: JsonMap;
    readonly configuration: JsonMap;
    readonly kind: string;
    readonly managers: readonly FieldManager[] | undefined;
  },
  writer: Writer,
): Applied {
  const annotated = writer.manager === "kubectl" ? lastApplied(current, kind) : [];
  const known = managers ?? firstBook(ownable(current, kind), annotated, writer);
  const isOwn = ({ manager, operation }: FieldManager): boolean =>
    manager === writer.manager && operation === "Apply";
  const wanted = ownable(configuration, kind);
  const [before] = known.filter(isOwn).map(({ fieldsV1 }) => pathsOf(fieldsV1));
  const others = known.filter((entry) => !isOwn(entry));
  const merged = merge(current, configuration, kind);
  const differs = (path: FieldPath): boolean =>
    !path.at(-1)?.startsWith("k:") &&
    firstDifference(valueAt(current, path), valueAt(merged, path), "") !== undefined;
  const contested = new Set(wanted.filter(differs).map(nameOf));
  const owned = new Set(annotated.map(nameOf));
  const conflicts = others.flatMap(({ manager, fieldsV1 }) =>
    pathsOf(fieldsV1)
      .filter((path) => contested.has(nameOf(path)) && !owned.has(nameOf(path)))
      .map((path) => ({ manager, field: shownField(path) })),
  );
  const left = others.map((entry) => without(entry, contested)).filter(hasFields);
  const kept = [...wanted, ...left.flatMap(({ fieldsV1 }) => pathsOf(fieldsV1))];
  const gone = (before ?? []).filter((path) => !isKept(path, kept));
  const pruned = gone.reduce<JsonMap>((object, path) => withoutField(object, path), current);
  return {
    object: merge(pruned, configuration, kind),
    managers: [...left, entryOf(writer, "Apply", wanted)],
    conflicts,
  };
}

/**
 * What `kubectl apply` without the server's help has written: the annotation names it, and it goes on belonging to
 * kubectl when that begins to apply on the server.
 */
function lastApplied(current: JsonMap, kind: string): readonly FieldPath[] {
  const { metadata } = current;
  const { annotations } = isObject(metadata) ? metadata : {};
  const text = isObject(annotations) ? annotations[lastAppliedAnnotation] : undefined;
  if (typeof text !== "string") return [];
  try {
    const configuration: unknown = JSON.parse(text);
    return isObject(configuration) ? ownable(configuration, kind) : [];
  } catch {
    // SyntaxError: whoever wrote it was not kubectl.
    return [];
  }
}

/** The book of an object to which nobody has applied yet. */
function firstBook(
  there: readonly FieldPath[],
  annotated: readonly FieldPath[],
  writer: Writer,
): readonly FieldManager[] {
  const own = new Set(annotated.map(nameOf));
  const isOwn = (path: FieldPath): boolean => own.has(nameOf(path));
  const rest = there.filter((path) => !isOwn(path));
  return [
    entryOf(writer, "Apply", there.filter(isOwn)),
    entryOf({ ...writer, manager: beforeFirstApply }, "Update", rest),
  ].filter(hasFields);
}

/** The book after a write of another way. @returns undefined when no book is kept. */
export function afterUpdate(
  {
    current,
    next,
    kind,
    managers,
  }: {
    readonly current: JsonMap;
    readonly next: JsonMap;
    readonly kind: string;
    readonly managers: readonly FieldManager[] | undefined;
  },
  writer: Writer,
): readonly FieldManager[] | undefined {
  if (managers === undefined) return undefined;
  const written = ownable(next, kind);
  const changed = written.filter(
    (path) => firstDifference(valueAt(current, path), valueAt(next, path), "") !== undefined,
  );
  const there = new Set(written.map(nameOf));
  const gone = ownable(current, kind).filter((path) => !there.has(nameOf(path)));
  if (changed.length + gone.length === 0) return managers;
  const lost = new Set([...changed, ...gone].map(nameOf));
  const isOwn = ({ manager, operation }: FieldManager): boolean =>
    manager === writer.manager && operation === "Update";
  const own = managers.filter(isOwn).flatMap(({ fieldsV1 }) => pathsOf(fieldsV1));
  const still = own.filter((path) => there.has(nameOf(path)) && !lost.has(nameOf(path)));
  return [
    ...managers.filter((entry) => !isOwn(entry)).map((entry) => without(entry, lost)),
    entryOf(writer, "Update", [...still, ...changed]),
  ].filter(hasFields);
}

/** Fields that somebody can have: not the identity, and not what only the server and the node write. */
function ownable(object: JsonMap, kind: string): readonly FieldPath[] {
  const { apiVersion: _, kind: __, status: ___, metadata, ...rest } = object;
  const { labels, annotations, finalizers, ownerReferences } = isObject(metadata) ? metadata : {};
  const written = Object.entries({ labels, annotations, finalizers, ownerReferences }).filter(
    ([, value]) => value !== undefined,
  );
  return [
    ...fieldsOf({ metadata: Object.fromEntries(written) }, kind).filter(({ length }) => length > 1),
    ...fieldsOf(rest, kind),
  ];
}

function nameOf(path: FieldPath): string {
  return JSON.stringify(path);
}

/** A field that somebody still has; an item stays, with its key, as long as anybody has something of it. */
function isKept(path: FieldPath, kept: readonly FieldPath[]): boolean {
  const name = nameOf(path);
  if (kept.some((other) => nameOf(other) === name)) return true;
  const parent = path.slice(0, -1);
  const [last = "", item = ""] = [path.at(-1), parent.at(-1)];
  const isKey = item.startsWith("k:") && Object.hasOwn(JSON.parse(item.slice(2)), last.slice(2));
  const at = last.startsWith("k:") ? path : isKey ? parent : undefined;
  return at !== undefined && kept.some((other) => at.every((step, n) => other[n] === step));
}

function without(entry: FieldManager, lost: ReadonlySet<string>): FieldManager {
  const paths = pathsOf(entry.fieldsV1).filter((path) => !lost.has(nameOf(path)));
  return { ...entry, fieldsV1: treeOf(paths) };
}

function hasFields({ fieldsV1 }: FieldManager): boolean {
  return Object.keys(fieldsV1).length > 0;
}

function entryOf(
  { manager, apiVersion, time }: Writer,
  operation: FieldManager["operation"],
  paths: readonly FieldPath[],
): FieldManager {
  const fieldsV1 = treeOf(paths);
  return { manager, operation, apiVersion, time, fieldsType: "FieldsV1", fieldsV1 };
}

/** The object with a configuration in it: maps and lists with keys are merged, everything else is replaced. */
function merge(object: JsonMap, configuration: JsonMap, definition: string | undefined): JsonMap {
  const merged = new Map(Object.entries(object));
  for (const [field, value] of Object.entries(configuration)) {
    merged.set(field, mergeValue(merged.get(field), value, { definition, field }));
  }
  return Object.fromEntries(merged);
}

function mergeValue(
  current: unknown,
  value: unknown,
  place: { readonly definition: string | undefined; readonly field: string },
): unknown {
  const inner = innerDefinition(place);
  if (isObject(current) && isObject(value)) return merge(current, value, inner);
  const known = keyOf(place, current);
  // No items of one's own: those of others stay.
  if (known !== undefined && Array.isArray(value) && value.length === 0) return current;
  const key = keyOf(place, value);
  if (key === undefined || known !== key) return value;
  const items = value as readonly JsonMap[];
  const old = current as readonly JsonMap[];
  const changed = old.map((item) => {
    const wanted = items.find((other) => isItem(itemStep(key, item), other));
    return wanted === undefined ? item : merge(item, wanted, inner);
  });
  const added = items.filter((item) => !old.some((other) => isItem(itemStep(key, item), other)));
  return [...changed, ...added];
}
