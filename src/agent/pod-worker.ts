/**
 * One worker per pod uid: at most one sync at a time, and of all wake-ups during a sync only one
 * is kept (kubelet pkg/kubelet/pod_workers.go has the same two guarantees).
 *
 *   idle ──wake──▶ syncing ──done, nothing new──▶ idle (timer for wakeAtMs)
 *                    │  ▲
 *                    └──┘ woken meanwhile, or the pod changed
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

export interface WorkerOptions {
  /** One round; the answer is the wall clock of the next one, if any, or that the pod is gone. */
  readonly sync: () => Promise<{ readonly wakeAtMs?: number; readonly isRemoved: boolean }>;
  /** The pod is gone: forget the worker. */
  readonly onRemoved: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Wait after a round that threw: 1 s doubling to 1 min. */
const firstRetryMs = 1_000;
const lastRetryMs = 60_000;
/** setTimeout's longest delay. */
const longestTimerMs = 2 ** 31 - 1;

export class PodWorker {
  readonly #options: WorkerOptions;
  #isWoken = false;
  #running: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  #isClosed = false;
  #retryMs = firstRetryMs;

  constructor(options: WorkerOptions) {
    this.#options = options;
  }

  /** Something happened: sync soon. */
  wake(): void {
    if (this.#isClosed) return;
    this.#isWoken = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = undefined;
      // Woken between the last look and here.
      if (this.#isWoken) this.wake();
    });
  }

  /** Ends the worker after the sync that is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isWoken = false;
    this.#cancelTimer?.();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#isWoken) {
      this.#isWoken = false;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      await this.#round();
    }
  }

  async #round(): Promise<void> {
    const { sync, onRemoved, clock, log } = this.#options;
    try {
      const { wakeAtMs, isRemoved } = await sync();
      this.#retryMs = firstRetryMs;
      if (isRemoved) {
        this.#isClosed = true;
        this.#isWoken = false;
        onRemoved();
      } else if (wakeAtMs !== undefined) {
        this.#wakeAfter(wakeAtMs - clock.now());
      }
    } catch (error) {
      log.error({ error: messageOf(error), retryMs: this.#retryMs }, "pod sync failed");
      this.#wakeAfter(this.#retryMs);
      this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs);
    }
  }

  #wakeAfter(delayMs: number): void {
    if (this.#isClosed) return;
    const delay = Math.min(Math.max(delayMs, 0), longestTimerMs);
    this.#cancelTimer = this.#options.clock.after(delay, () => this.wake());
  }
}
