// Who is measured takes turns: A B C, B C A, C A B …, so that what the machine does meanwhile hits all alike. Who fails
// is out, with the reason, and the others go on.

export interface Contestant<Value> {
  readonly who: string;
  /** One turn. @throws Error with the reason why it cannot go on. */
  readonly turn: (round: number) => Promise<Value>;
}

export interface Turns<Value> {
  readonly values: ReadonlyMap<string, readonly Value[]>;
  /** Who is out → why. What it measured before is not in `values`. */
  readonly failures: ReadonlyMap<string, string>;
}

export interface RoundOptions {
  readonly rounds: number;
  /** Turns before them whose values are thrown away. */
  readonly warmRounds: number;
}

export async function takeTurns<Value>(
  contestants: readonly Contestant<Value>[],
  { rounds, warmRounds }: RoundOptions,
): Promise<Turns<Value>> {
  const values = new Map<string, Value[]>(contestants.map(({ who }) => [who, []]));
  const failures = new Map<string, string>();
  for (let round = 0; round < warmRounds + rounds; round++) {
    for (const { who, turn } of rotated(contestants, round)) {
      if (failures.has(who)) continue;
      try {
        const value = await turn(round);
        if (round >= warmRounds) values.get(who)?.push(value);
      } catch (error) {
        failures.set(who, reasonOf(error));
        values.delete(who);
      }
    }
  }
  return { values, failures };
}

/** The sentence of an error, for lists of who is missing. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function rotated<T>(list: readonly T[], by: number): readonly T[] {
  const at = list.length === 0 ? 0 : by % list.length;
  return [...list.slice(at), ...list.slice(0, at)];
}
