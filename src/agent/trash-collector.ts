/**
 * Empties an instance's trash in the background, one run at a time; see sys/trash.ts. Each of its two
 * folders has a trash of its own, since they may lie on different file systems.
 */
import { join } from "node:path";
import { messageOf } from "../base/errors.ts";
import type { Instance } from "../base/instance.ts";
import type { Logger } from "../base/log.ts";
import { discard, emptyTrash } from "../sys/trash.ts";

export class TrashCollector implements AsyncDisposable {
  readonly #instance: Pick<Instance, "root" | "run">;
  readonly #log: Logger;
  #running: Promise<void> | undefined;
  #hasMore = false;

  constructor(instance: Pick<Instance, "root" | "run">, log: Logger) {
    this.#instance = instance;
    this.#log = log;
  }

  /** Takes a tree below `root` away at once and removes its files later; fine when it is gone. */
  discard(path: string): void {
    discard(trashFolder(this.#instance.root), path);
    this.collect();
  }

  /** The same of a tree below `run`. */
  discardRuntime(path: string): void {
    discard(trashFolder(this.#instance.run), path);
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
    for (const folder of [this.#instance.run, this.#instance.root].map(trashFolder)) {
      try {
        await emptyTrash(folder);
      } catch (error) {
        this.#log.warn({ folder, error: messageOf(error) }, "cannot empty the trash");
      }
    }
  }
}

/** @param base - `root` or `run` of an instance. */
export function trashFolder(base: string): string {
  return join(base, "trash");
}
