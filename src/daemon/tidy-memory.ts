/**
 * When the daemon gives back memory: when pods have come or gone, and then nothing of the kind for a while. Work leaves
 * free pages that malloc would keep, and Node's start has touched much of its program that nobody needs again.
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
  /** @param isFirst - nothing was given back before: also of what the start has needed. */
  readonly tidy: (isFirst: boolean) => Promise<void>;
}

export class TidyMemory implements Disposable {
  readonly #options: TidyMemoryOptions;
  #cancel: (() => void) | undefined;
  #isBusy = false;
  #isFirst = true;
  #isOver = false;

  constructor(options: TidyMemoryOptions) {
    this.#options = options;
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
      else void this.#tidy();
    });
  }

  async #tidy(): Promise<void> {
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    await this.#options.tidy(isFirst);
  }
}
