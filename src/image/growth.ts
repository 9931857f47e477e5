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
  async beyond(position: number): Promise<number> {
    while (this.#grown <= position && !this.#isComplete) await this.#changed.promise;
    return this.#grown - position;
  }
}
