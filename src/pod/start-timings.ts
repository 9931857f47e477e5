/**
 * Where the first start of a pod spent its time. In memory only: a daemon that adopts the pod has none.
 * Each step stands for what happened since the one before.
 */

/** Steps are told in the order in which they ended. */
export interface StartStep {
  readonly step: string;
  /** Since the request came in. */
  readonly atMs: number;
}

/** A pod with more containers has its last ones left out. */
const limit = 64;

export class StartTimings {
  readonly #steps: StartStep[] = [];
  readonly #now: () => number;
  #beganMs: number | undefined;

  /** @param now - a clock that only goes forward, ms */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** The request came in. @param atMs - of the same clock */
  begin(atMs: number): void {
    this.#beganMs = atMs;
  }

  /** A step has ended. Nothing is kept for a pod that was never begun. */
  mark(step: string): void {
    if (this.#beganMs === undefined || this.#steps.length === limit) return;
    this.#steps.push({ step, atMs: this.#now() - this.#beganMs });
  }

  get steps(): readonly StartStep[] {
    return this.#steps;
  }
}
