/**
 * "Did you mean …?": the nearest of a set of known names.
 * Distance: Damerau–Levenshtein with adjacent swaps, without regard to upper and lower case.
 */

const LONGEST_NAME = 64;
/** Of a longer set (volumes of a huge pod) only the first names are looked at. */
const MOST_NAMES = 200;

/**
 * Finds the known name that a typing mistake most likely meant.
 * @returns undefined when nothing is near: at most one edit per three characters, and never more than three.
 */
export function nearestName(written: string, known: Iterable<string>): string | undefined {
  if (written.length > LONGEST_NAME) {
    return undefined;
  }
  const wanted = written.toLowerCase();
  let best: string | undefined;
  let bestDistance = Math.min(3, Math.floor(written.length / 3)) + 1;
  let looked = 0;
  for (const name of known) {
    looked++;
    if (looked > MOST_NAMES) {
      break;
    }
    if (Math.abs(name.length - wanted.length) >= bestDistance) {
      continue;
    }
    const distance = editDistance(wanted, name.toLowerCase());
    if (distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

/** `: did you mean "…"?` or nothing, for the end of a message. */
export function suggestion(written: string, known: Iterable<string>): string {
  const name = nearestName(written, known);
  return name === undefined ? "" : `: did you mean "${name}"?`;
}

function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        at(previous, column) + 1,
        at(current, column - 1) + 1,
        at(previous, column - 1) + (same ? 0 : 1),
      );
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, at(beforePrevious, column - 2) + 1);
      }
      current.push(cost);
    }
    beforePrevious = previous;
    previous = current;
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
