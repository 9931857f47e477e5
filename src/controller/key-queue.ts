/**
 * The loop of a controller: names of objects to look at come in, each is looked at once however often it came, and
 * again later when that failed.
 *
 *   add(key) ──▶ waiting ──next turn of the event loop──▶ reconcile(key) ──failed──▶ add(key) after a back-off
 *
 * Source: Kubernetes, client-go workqueue (the same two guarantees: no duplicates, nothing lost).
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

export interface KeyQueueOptions {
  /** Makes the world be as the object wishes; quick, and harmless when there is nothing to do. */
  readonly reconcile: (key: string) => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Wait after a failure: 5 ms doubling to 5 min, as the workqueue of Kubernetes. */
const firstRetryMs = 5;
const lastRetryMs = 300_000;

/** After so many in one turn others get theirs. */
const portion = 100;

export class KeyQueue implements Disposable {
  readonly #options: KeyQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #failures = new Map<string, number>();
  readonly #retries = new Set<() => void>();
  #turn: NodeJS.Immediate | undefined;
  #isClosed = false;

  constructor(options: KeyQueueOptions) {
    this.#options = options;
  }

  /** Looks at the object soon. */
  add(key: string): void {
    if (this.#isClosed) return;
    this.#waiting.add(key);
    this.#turn ??= setImmediate(() => this.#drain());
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearImmediate(this.#turn);
    this.#waiting.clear();
    for (const cancel of this.#retries) cancel();
  }

  #drain(): void {
    this.#turn = undefined;
    let done = 0;
    for (const key of this.#waiting) {
      if (done++ === portion) break;
      this.#waiting.delete(key);
      this.#reconcile(key);
    }
    if (this.#waiting.size > 0 && !this.#isClosed) {
      this.#turn = setImmediate(() => this.#drain());
    }
  }

  #reconcile(key: string): void {
    const { reconcile, log, clock } = this.#options;
    try {
      reconcile(key);
      this.#failures.delete(key);
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      const retryMs = Math.min(firstRetryMs * 2 ** failures, lastRetryMs);
      log.warn({ error: messageOf(error), key, retryMs }, "cannot reconcile an object");
      const cancel = clock.after(retryMs, () => {
        this.#retries.delete(cancel);
        this.add(key);
      });
      this.#retries.add(cancel);
    }
  }
}
