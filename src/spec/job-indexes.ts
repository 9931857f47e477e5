/**
 * Sets of completion indexes as a Job writes them: `1,3-5,7`. Pure.
 * Source: Kubernetes API reference, batch/v1 JobStatus "completedIndexes", SuccessPolicyRule "succeededIndexes".
 */
import { quote } from "./quote.ts";

/** @param text - ordered numbers and ranges of at least two; "" is none. Indexes from `end` on are left out. */
export function parseIndexes(text: string, end: number): Set<number> {
  const indexes = new Set<number>();
  for (const part of text.split(",")) {
    const [from = "", to = from] = part.split("-");
    if (from === "") continue;
    const last = Math.min(Number(to), end - 1);
    for (let index = Number(from); index <= last; index++) indexes.add(index);
  }
  return indexes;
}

export function formatIndexes(indexes: Iterable<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const index of [...indexes].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range?.[1] === index - 1) range[1] = index;
    else ranges.push([index, index]);
  }
  return ranges
    .map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`))
    .join(",");
}

/** What is wrong with a set that a person has written; undefined: nothing. @param end - the first index that there is not. */
export function checkIndexes(text: string, end: number): string | undefined {
  let before = -1;
  for (const part of text.split(",")) {
    const [, from = "", to = from] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(part) ?? [];
    if (from === "") return `must be numbers and ranges like "1,3-5,7": got ${quote(part)}`;
    const [first, last] = [Number(from), Number(to)];
    if (first <= before || (part.includes("-") && last <= first)) {
      return `must be in order and without duplicates: got ${quote(part)}`;
    }
    if (last >= end) return `must be less than completions, which is ${end}: got ${last}`;
    before = last;
  }
  return undefined;
}
