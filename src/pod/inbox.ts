/**
 * What a pod's shim, hooks and probes have told and is not in its record yet, in the order in which it came. A thing
 * stays until it was taken in: a disk that is full for a moment must not make the end of a container unheard.
 */
export class Inbox<T> {
  readonly #told: T[] = [];

  push(item: T): void {
    this.#told.push(item);
  }

  /** Hands all on, what comes meanwhile too. Where `take` throws, the next call begins with that one again. */
  async drain(take: (item: T) => unknown): Promise<void> {
    for (let [item] = this.#told; item !== undefined; [item] = this.#told) {
      await take(item);
      this.#told.shift();
    }
  }
}
