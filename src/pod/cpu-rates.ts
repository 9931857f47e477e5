/** Cpu in use, from two readings of a counter: the one before is kept until the next question. */

export interface CpuRate {
  /** 1000 is one processor. */
  readonly millis: number;
  readonly windowMs: number;
}

interface Sample {
  readonly atMs: number;
  readonly microseconds: number;
  rate: CpuRate | undefined;
}

/** Closer readings tell more of the clock than of the work. */
const shortestMs = 200;
/** What was used an hour ago says nothing about now. */
const longestMs = 60_000;

export class CpuRates {
  readonly #samples = new Map<string, Sample>();

  /**
   * Takes a reading. @param nowMs - of a clock that never jumps.
   * @returns undefined when there is nothing yet to compare it with.
   */
  take(key: string, microseconds: number, nowMs: number): CpuRate | undefined {
    const last = this.#samples.get(key);
    const windowMs = nowMs - (last?.atMs ?? 0);
    if (last !== undefined && windowMs < shortestMs && microseconds >= last.microseconds) {
      return last.rate;
    }
    const isNew = last === undefined || windowMs > longestMs || microseconds < last.microseconds;
    const rate = isNew
      ? undefined
      : { millis: (microseconds - last.microseconds) / windowMs, windowMs };
    this.#samples.set(key, { atMs: nowMs, microseconds, rate });
    return rate;
  }

  /** Forgets what nobody has asked about for long. */
  prune(nowMs: number): void {
    for (const [key, { atMs }] of this.#samples) {
      if (nowMs - atMs > longestMs) this.#samples.delete(key);
    }
  }
}

/** How long to wait for a second reading. */
export const secondReadingMs: number = shortestMs + 50;
