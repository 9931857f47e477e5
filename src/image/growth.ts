/** How far a file that another process is writing may be read. */
import type { GrownNote } from "./messages.ts";

export class Growth {
  #grown = 0;
  #isComplete = false;
  #changed: PromiseWithResolvers<void> = Promise.withResolvers();

  take({ grown, isComplete }: GrownNote): void {
    this.#grown = grown;
    this.#isComplete = isComplete;
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Bytes that may be read from `position` on, as soon as there are any; 0 at the end. */
  beyond(position: number): number | Promise<number> {
    if (this.#grown > position || this.#isComplete) return this.#grown - position;
    return this.#changed.promise.then(() => this.beyond(position));
  }
}
