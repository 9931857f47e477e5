/**
 * A key that stands twice in one object of a JSON text: `JSON.parse` keeps the last one and says nothing, and whoever
 * wrote both meant something else. Source: Kubernetes API concepts, "Field validation"; RFC 8259, section 4.
 */
import { childPath, itemPath } from "../spec/field-issue.ts";

interface Level {
  readonly path: string;
  /** undefined: a list. */
  readonly keys: Set<string> | undefined;
  /** Of the value that comes next. */
  key: string;
  index: number;
  /** Whether a text that comes now is a key. */
  awaitsKey: boolean;
}

/** @param json - a valid JSON text. @returns path of the first key that is there again. */
export function duplicateKey(json: string): string | undefined {
  const levels: Level[] = [];
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{},]/gs)) {
    const level = levels.at(-1);
    if (token === "{" || token === "[") {
      levels.push(newLevel(level, token === "{"));
    } else if (token === "}" || token === "]") {
      levels.pop();
    } else if (token === "," && level !== undefined) {
      level.index++;
      level.awaitsKey = level.keys !== undefined;
    } else if (level?.keys !== undefined && level.awaitsKey) {
      const key = String(JSON.parse(token));
      if (level.keys.has(key)) return childPath(level.path, key);
      level.keys.add(key);
      level.key = key;
      level.awaitsKey = false;
    }
  }
  return undefined;
}

function newLevel(parent: Level | undefined, isObject: boolean): Level {
  const path = parent === undefined ? "" : pathOf(parent);
  return { path, keys: isObject ? new Set() : undefined, key: "", index: 0, awaitsKey: isObject };
}

function pathOf({ path, keys, key, index }: Level): string {
  return keys === undefined ? itemPath(path, index) : childPath(path, key);
}
