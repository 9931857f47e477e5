/**
 * The differences of two texts as `diff -u` writes them. Pure.
 * Source: E. Myers, "An O(ND) Difference Algorithm and Its Variations"; POSIX diff, "Diff -u Output Format".
 */

/** A line of the result: kept, removed from the first text or added by the second. */
interface Edit {
  readonly sign: " " | "-" | "+";
  readonly line: string;
}

const contextLines = 3;

/** Lines of hunks without the two headings; empty when the texts are equal. */
export function unifiedDiff(before: string, after: string): readonly string[] {
  const edits = editsOf(linesOf(before), linesOf(after));
  return hunksOf(edits).flatMap((hunk) => [headingOf(edits, hunk), ...shown(edits, hunk)]);
}

function linesOf(text: string): readonly string[] {
  if (text === "") return [];
  return (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");
}

/** The shortest way from one list of lines to the other. */
function editsOf(before: readonly string[], after: readonly string[]): readonly Edit[] {
  // What is equal at both ends needs no search.
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  const room = Math.min(before.length, after.length) - start;
  while (end < room && before[before.length - 1 - end] === after[after.length - 1 - end]) end++;
  const keep = (line: string): Edit => ({ sign: " ", line });
  return [
    ...before.slice(0, start).map(keep),
    ...shortest(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map(keep),
  ];
}

function shortest(before: readonly string[], after: readonly string[]): readonly Edit[] {
  const most = before.length + after.length;
  /** The furthest line of `before` that is reached on each diagonal, after each number of edits. */
  const rounds: ReadonlyMap<number, number>[] = [];
  let reached = new Map<number, number>([[1, 0]]);
  for (let edits = 0; edits <= most; edits++) {
    rounds.push(new Map(reached));
    const next = new Map(reached);
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = stepOf(next, diagonal, edits);
      while (x < before.length && x - diagonal < after.length && before[x] === after[x - diagonal])
        x++;
      next.set(diagonal, x);
      if (x >= before.length && x - diagonal >= after.length)
        return walkBack(before, after, rounds);
    }
    reached = next;
  }
  return [];
}

/** Where the best step onto a diagonal leads: down from the one above, or right from the one below. */
function stepOf(reached: ReadonlyMap<number, number>, diagonal: number, edits: number): number {
  const left = reached.get(diagonal - 1) ?? -1;
  const above = reached.get(diagonal + 1) ?? -1;
  const isDown = diagonal === -edits || (diagonal !== edits && left < above);
  return isDown ? above : left + 1;
}

function walkBack(
  before: readonly string[],
  after: readonly string[],
  rounds: readonly ReadonlyMap<number, number>[],
): readonly Edit[] {
  const edits: Edit[] = [];
  let x = before.length;
  let y = after.length;
  for (let round = rounds.length - 1; round >= 0; round--) {
    const reached = rounds[round] ?? new Map<number, number>();
    const diagonal = x - y;
    const left = reached.get(diagonal - 1) ?? -1;
    const above = reached.get(diagonal + 1) ?? -1;
    const isDown = diagonal === -round || (diagonal !== round && left < above);
    const startX = isDown ? above : left;
    const startY = startX - (isDown ? diagonal + 1 : diagonal - 1);
    while (x > startX + (isDown ? 0 : 1) && y > startY + (isDown ? 1 : 0) && x > 0 && y > 0) {
      edits.push({ sign: " ", line: before[--x] ?? "" });
      y--;
    }
    if (round === 0) break;
    if (isDown) edits.push({ sign: "+", line: after[--y] ?? "" });
    else edits.push({ sign: "-", line: before[--x] ?? "" });
  }
  return edits.reverse();
}

/** Edits from `from` up to, not including, `to`. */
interface Hunk {
  readonly from: number;
  readonly to: number;
}

function hunksOf(edits: readonly Edit[]): readonly Hunk[] {
  const hunks: Hunk[] = [];
  for (const [index, { sign }] of edits.entries()) {
    if (sign === " ") continue;
    const from = Math.max(0, index - contextLines);
    const to = Math.min(edits.length, index + contextLines + 1);
    const last = hunks.at(-1);
    if (last !== undefined && from <= last.to) hunks[hunks.length - 1] = { from: last.from, to };
    else hunks.push({ from, to });
  }
  return hunks;
}

function headingOf(edits: readonly Edit[], { from, to }: Hunk): string {
  const range = (absent: Edit["sign"], mark: string): string => {
    const count = (list: readonly Edit[]): number =>
      list.filter(({ sign }) => sign !== absent).length;
    const size = count(edits.slice(from, to));
    const start = count(edits.slice(0, from)) + (size === 0 ? 0 : 1);
    return `${mark}${start}${size === 1 ? "" : `,${size}`}`;
  };
  return `@@ ${range("+", "-")} ${range("-", "+")} @@`;
}

function shown(edits: readonly Edit[], { from, to }: Hunk): readonly string[] {
  return edits.slice(from, to).map(({ sign, line }) => sign + line);
}
