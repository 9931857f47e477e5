/**
 * When the daemon gives back memory. When it has started: that has touched much of Node's program that nobody needs
 * again. And when pods have come or gone, and then nothing of the kind for a while: malloc would keep what is free then.
 *
 *   work ──1 s──▶ more work meanwhile? ──no──▶ tidy
 *                     │ yes
 *                     └──▶ look again in 1 s
 */
import type { Clock } from "../base/clock.ts";

/** Between two waves of work; V8 ends its garbage by then, too. */
const quietMs = 1000;

export interface TidyMemoryOptions {
  readonly clock: Clock;
  /** @param forgetsStart - also what only the start has needed. */
  readonly tidy: (forgetsStart: boolean) => Promise<void>;
}

export class TidyMemory implements Disposable {
  readonly #options: TidyMemoryOptions;
  #cancel: (() => void) | undefined;
  #isBusy = false;
  #isOver = false;

  constructor(options: TidyMemoryOptions) {
    this.#options = options;
  }

  /** Once, when everything is ready and before code becomes warm that is needed again. */
  async forgetStart(): Promise<void> {
    await this.#options.tidy(true);
  }

  /** Cheap: called for every change of a pod. */
  noteWork(): void {
    this.#isBusy = true;
    if (this.#cancel === undefined && !this.#isOver) this.#wait();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#cancel?.();
  }

  #wait(): void {
    this.#isBusy = false;
    this.#cancel = this.#options.clock.after(quietMs, () => {
      this.#cancel = undefined;
      if (this.#isBusy) this.#wait();
      else void this.#options.tidy(false);
    });
  }
}
