/**
 * A stack of undo steps: they run backwards at the end of the scope unless everything succeeded
 * and `keep()` was called.
 *
 *   await using undo = new Undo();
 *   undo.push("release address", () => ipam.release(uid));
 *   undo.keep();
 */

interface Step {
  readonly name: string;
  readonly run: () => void | Promise<void>;
}

export class Undo {
  readonly #steps: Step[] = [];

  push(name: string, run: () => void | Promise<void>): void {
    this.#steps.push({ name, run });
  }

  /** Everything succeeded: nothing is undone. */
  keep(): void {
    this.#steps.length = 0;
  }

  /** Runs every step even when one fails. @throws AggregateError of the steps that failed. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      try {
        await step.run();
      } catch (cause) {
        failures.push(new Error(`Cannot undo "${step.name}"`, { cause }));
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, "Some undo steps failed");
  }
}
