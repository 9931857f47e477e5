/**
 * Empties an instance's trash in the background, one run at a time; see sys/trash.ts. Each of its two
 * folders has a trash of its own, since they may lie on different file systems. What cannot be removed, because
 * somebody has mounted on it, is tried again when something else is thrown away, and every minute: no event tells
 * that the mount is gone.
 */
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Instance } from "../base/instance.ts";
import type { Logger } from "../base/log.ts";
import { discard, emptyTrash } from "../sys/trash.ts";

const retryMs = 60_000;

export class TrashCollector implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #instance: Pick<Instance, "root" | "run">;
  readonly #log: Logger;
  #running: Promise<void> | undefined;
  #hasMore = false;
  #cancelRetry: () => void = () => undefined;
  #isClosed = false;

  constructor(clock: Clock, instance: Pick<Instance, "root" | "run">, log: Logger) {
    this.#clock = clock;
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
    this.#isClosed = true;
    while (this.#running) await this.#running;
    this.#cancelRetry();
  }

  async #run(): Promise<void> {
    this.#hasMore = false;
    this.#cancelRetry();
    let isStuck = false;
    for (const folder of [this.#instance.run, this.#instance.root].map(trashFolder)) {
      try {
        await emptyTrash(folder);
      } catch (error) {
        this.#log.warn({ folder, error: messageOf(error) }, "cannot empty the trash");
        isStuck = true;
      }
    }
    if (isStuck && !this.#isClosed) {
      this.#cancelRetry = this.#clock.after(retryMs, () => this.collect());
    }
  }
}

/** @param base - `root` or `run` of an instance. */
export function trashFolder(base: string): string {
  return join(base, "trash");
}
