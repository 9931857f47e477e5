/**
 * What a controller has to look at: keys come in, each is looked at once however often it came, and again at the time
 * that the look asked for, or later when it failed.
 *
 *   add(key) ──▶ waiting ──next turn of the event loop──▶ reconcile(key) ──▶ done
 *                   ▲                                        ├─ a time ──────▶ one timer per key
 *                   └────────────────────────────────────────┴─ failed ──────▶ after a back-off
 *
 * Nothing happens while nothing changes and nothing is due.
 * Source: Kubernetes, client-go workqueue (the same two guarantees: no duplicates, nothing lost).
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

export interface KeyQueueOptions {
  /**
   * Makes the world be as the object wishes; quick, and harmless when there is nothing to do.
   * @returns when to look again although nothing changes, in wall clock ms; undefined: never.
   */
  readonly reconcile: (key: string) => number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Wait after a failure: 5 ms doubling to 5 min, as the workqueue of Kubernetes. */
const firstRetryMs = 5;
const lastRetryMs = 300_000;

/** setTimeout's longest delay: who waits longer is looked at in between. */
const longestTimerMs = 2 ** 31 - 1;

/** After so many in one turn others get theirs. */
const portion = 100;

export class KeyQueue implements Disposable {
  readonly #options: KeyQueueOptions;
  readonly #waiting = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** Key → cancels its timer. */
  readonly #timers = new Map<string, () => void>();
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

  /** Whether nothing waits, neither for its turn nor for its time. */
  get isIdle(): boolean {
    return this.#waiting.size === 0 && this.#timers.size === 0;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    clearImmediate(this.#turn);
    this.#waiting.clear();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
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
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    try {
      const againMs = reconcile(key);
      this.#failures.delete(key);
      if (againMs !== undefined) this.#addAfter(key, againMs - clock.now());
    } catch (error) {
      const failures = this.#failures.get(key) ?? 0;
      this.#failures.set(key, failures + 1);
      const retryMs = Math.min(firstRetryMs * 2 ** failures, lastRetryMs);
      log.warn({ error: messageOf(error), key, retryMs }, "cannot reconcile an object");
      this.#addAfter(key, retryMs);
    }
  }

  #addAfter(key: string, delayMs: number): void {
    if (this.#isClosed) return;
    const cancel = this.#options.clock.after(Math.min(Math.max(delayMs, 0), longestTimerMs), () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, cancel);
  }
}

/** The first of several times; undefined is never. */
export function earliest(...times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
