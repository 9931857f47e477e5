// A clock that tests hold in their hands: time passes only when they say so.
import type { Clock } from "../../src/base/clock.ts";

export class FakeClock implements Clock {
  #timeMs: number;
  #timers: { readonly atMs: number; readonly run: () => void }[] = [];

  constructor(nowMs = 1_000_000) {
    this.#timeMs = nowMs;
  }

  now(): number {
    return this.#timeMs;
  }

  monotonic(): number {
    return this.#timeMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#timeMs + delayMs, run };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#timers.length;
  }

  /** Lets time pass, timer by timer in their order, and what each of them leads to happen before the next. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#timeMs + ms;
    for (;;) {
      const [next] = this.#timers
        .filter(({ atMs }) => atMs <= endMs)
        .sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#timeMs = Math.max(this.#timeMs, next.atMs);
      next.run();
      await settled();
    }
    this.#timeMs = endMs;
    await settled();
  }
}

/** After all promises that are settled have told those who wait for them. */
export async function settled(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  setImmediate(resolve);
  await promise;
}
