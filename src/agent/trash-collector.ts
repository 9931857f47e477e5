/** Empties an instance's trash in the background, one run at a time; see sys/trash.ts. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { discard, emptyTrash } from "../sys/trash.ts";

export class TrashCollector implements AsyncDisposable {
  readonly #folder: string;
  readonly #log: Logger;
  #running: Promise<void> | undefined;
  #hasMore = false;

  /** @param folder - the trash folder; on the file system of what is discarded. */
  constructor(folder: string, log: Logger) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Takes a tree away at once and removes its files later; fine when it is gone. */
  discard(path: string): void {
    discard(this.#folder, path);
    this.collect();
  }

  /** Removes what is in the trash, also what an earlier daemon left there. */
  collect(): void {
    this.#hasMore = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      if (this.#hasMore) this.collect();
    });
  }

  /** Resolves when nothing is being removed. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    this.#hasMore = false;
    try {
      await emptyTrash(this.#folder);
    } catch (error) {
      this.#log.warn({ folder: this.#folder, error: messageOf(error) }, "cannot empty the trash");
    }
  }
}
