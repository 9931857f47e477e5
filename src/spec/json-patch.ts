/**
 * JSON patch: a list of operations on places that are named by JSON pointers. All of them succeed, or none.
 * Source: RFC 6902 (operations), RFC 6901 (pointers).
 */

import { PodError } from "../base/errors.ts";
import { firstDifference } from "./first-difference.ts";
import { isObject } from "./schema.ts";

/** More operations than this are refused, as the Kubernetes API server does. */
const MAX_OPERATIONS = 10_000;

type Operation =
  | { readonly op: "add" | "replace" | "test"; readonly path: string; readonly value: unknown }
  | { readonly op: "remove"; readonly path: string }
  | { readonly op: "move" | "copy"; readonly path: string; readonly from: string };

/**
 * The document with the patch; neither argument is changed.
 * @param patch - parsed JSON
 * @throws PodError InvalidArgument that names the operation which cannot be done
 */
export function jsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw new PodError("InvalidArgument", "A JSON patch must be a list");
  if (patch.length > MAX_OPERATIONS) {
    throw new PodError(
      "InvalidArgument",
      `The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${patch.length}`,
    );
  }
  let result = document;
  for (const [index, entry] of patch.entries()) {
    try {
      result = apply(result, readOperation(entry));
    } catch (cause) {
      if (!(cause instanceof PodError)) throw cause;
      const message = `Cannot apply operation ${index} of the JSON patch: ${cause.message}`;
      throw new PodError("InvalidArgument", message, { cause });
    }
  }
  return result;
}

function readOperation(entry: unknown): Operation {
  if (!isObject(entry)) throw refusal("it must be an object");
  const { op, path, from, value } = entry;
  if (typeof path !== "string") throw refusal('it needs a "path"');
  switch (op) {
    case "add":
    case "replace":
    case "test":
      if (!("value" in entry)) throw refusal('it needs a "value"');
      return { op, path, value };
    case "remove":
      return { op, path };
    case "move":
    case "copy":
      if (typeof from !== "string") throw refusal('it needs a "from"');
      return { op, path, from };
    default:
      throw refusal('"op" must be add, remove, replace, move, copy or test');
  }
}

function apply(document: unknown, operation: Operation): unknown {
  const { path } = operation;
  const steps = readPointer(path);
  switch (operation.op) {
    case "add":
      return change(document, steps, path, insert(operation.value));
    case "remove":
      return change(document, steps, path, remove);
    case "replace":
      return change(document, steps, path, replace(operation.value));
    case "test":
      if (firstDifference(valueAt(document, steps, path), operation.value, "") === undefined) {
        return document;
      }
      throw refusal(`the value at "${path}" is another one`);
    case "copy": {
      const value = valueAt(document, readPointer(operation.from), operation.from);
      return change(document, steps, path, insert(value));
    }
    case "move": {
      const { from } = operation;
      if (path.startsWith(`${from}/`)) throw refusal(`"${from}" cannot move into itself`);
      const value = valueAt(document, readPointer(from), from);
      const without = change(document, readPointer(from), from, remove);
      return change(without, steps, path, insert(value));
    }
  }
}

/** `/spec/a~1b` → ["spec", "a/b"]; "" is the document itself. */
function readPointer(pointer: string): readonly string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) throw refusal(`"${pointer}" is no JSON pointer`);
  return pointer
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function valueAt(document: unknown, steps: readonly string[], path: string): unknown {
  let value = document;
  for (const step of steps) value = childOf(value, step, path);
  return value;
}

function childOf(parent: unknown, step: string, path: string): unknown {
  if (Array.isArray(parent)) return parent[indexOf(step, parent.length - 1, path)];
  if (isObject(parent) && Object.hasOwn(parent, step)) return parent[step];
  throw missing(path);
}

/** What happens at the last step: a copy of the parent with the change. "" is the place of the document. */
type Edit = {
  readonly list: (parent: readonly unknown[], step: string, path: string) => unknown[];
  readonly map: (parent: Map<string, unknown>, step: string, path: string) => void;
  readonly root: () => unknown;
};

function change(document: unknown, steps: readonly string[], path: string, edit: Edit): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return edit.root();
  if (Array.isArray(document)) {
    if (rest.length === 0) return edit.list(document, step, path);
    const index = indexOf(step, document.length - 1, path);
    return document.with(index, change(document[index], rest, path, edit));
  }
  if (!isObject(document)) throw missing(path);
  const copy = new Map<string, unknown>(Object.entries(document));
  if (rest.length === 0) edit.map(copy, step, path);
  else copy.set(step, change(childOf(document, step, path), rest, path, edit));
  // Defines "__proto__" as a key like any other.
  return Object.fromEntries(copy);
}

function insert(value: unknown): Edit {
  return {
    list: (parent, step, path) =>
      parent.toSpliced(step === "-" ? parent.length : indexOf(step, parent.length, path), 0, value),
    map: (parent, step) => void parent.set(step, value),
    root: () => value,
  };
}

function replace(value: unknown): Edit {
  return {
    list: (parent, step, path) => parent.with(indexOf(step, parent.length - 1, path), value),
    map: (parent, step, path) => {
      if (!parent.has(step)) throw missing(path);
      parent.set(step, value);
    },
    root: () => value,
  };
}

const remove: Edit = {
  list: (parent, step, path) => parent.toSpliced(indexOf(step, parent.length - 1, path), 1),
  map: (parent, step, path) => {
    if (!parent.delete(step)) throw missing(path);
  },
  root: () => {
    throw refusal("the whole document cannot be removed");
  },
};

function indexOf(step: string, highest: number, path: string): number {
  const index = /^(?:0|[1-9]\d{0,8})$/.test(step) ? Number(step) : -1;
  if (index < 0 || index > highest) throw missing(path);
  return index;
}

function missing(path: string): PodError {
  return refusal(`there is nothing at "${path}"`);
}

function refusal(message: string): PodError {
  return new PodError("InvalidArgument", message);
}
