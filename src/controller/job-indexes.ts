/**
 * Sets of completion indexes as a Job's status writes them: `1,3-5,7`. Pure.
 * Source: Kubernetes API reference, batch/v1 JobStatus "completedIndexes".
 */

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
