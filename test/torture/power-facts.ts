// What a workload was doing when the power went, and so what must be on the disk.
//
//   {"step": "begun", "key": "pod/job-7", "number": 2, "state": "absent"}     it asks for it now
//   {"step": "done", …}                                                      it was told that it is so
//
// The states of a key come one after the other. A disk holds the last one that was told before the cut, or one that
// had been begun by then.

export interface Fact {
  readonly step: "begun" | "done";
  readonly key: string;
  /** From 0; each key has its own. */
  readonly number: number;
  readonly state: string;
}

/** A moment: after so many steps of the disk, and on the clock. */
export interface Moment {
  readonly position: number;
  readonly ms: number;
}

/** A line comes late, its effect does not. */
const lateMs = 5000;

export const absent = "absent";

/** By key: the states that it may have. */
export type States = ReadonlyMap<string, readonly string[]>;

export class Facts {
  readonly #facts: (Fact & Moment)[] = [];

  add(fact: Fact, moment: Moment): void {
    this.#facts.push({ ...fact, ...moment });
  }

  /** How many were told as done until then. */
  doneBy({ position }: Moment): number {
    return this.#facts.filter((fact) => fact.step === "done" && fact.position <= position).length;
  }

  /** Positions of the first and the last fact. */
  get span(): { readonly first: number; readonly last: number } {
    return { first: this.#facts[0]?.position ?? 0, last: this.#facts.at(-1)?.position ?? 0 };
  }

  allowedAt({ position, ms }: Moment): States {
    const allowed = new Map<string, readonly string[]>();
    for (const [key, facts] of Map.groupBy(this.#facts, (fact) => fact.key)) {
      const done = facts.findLast((fact) => fact.step === "done" && fact.position <= position);
      const later = facts.filter(
        (fact) =>
          fact.step === "begun" && fact.number > (done?.number ?? -1) && fact.ms <= ms + lateMs,
      );
      allowed.set(key, [done?.state ?? absent, ...later.map((fact) => fact.state)]);
    }
    return allowed;
  }
}
