/** One lock per key, first come first served; keys cost nothing while nobody holds them. */

export class KeyedMutex {
  readonly #tails = new Map<string, Promise<void>>();

  /** Runs `work` while no other work of the same key runs; its result or error is passed on. */
  async run<T>(key: string, work: () => T | Promise<T>): Promise<T> {
    const previous = this.#tails.get(key) ?? Promise.resolve();
    const { promise: mine, resolve: release } = Promise.withResolvers<void>();
    const tail = previous.then(() => mine);
    this.#tails.set(key, tail);
    await previous;
    try {
      return await work();
    } finally {
      release();
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    }
  }
}
