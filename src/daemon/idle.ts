/**
 * When a daemon that was started on demand may end: no connection for a while, and no pods.
 *
 *   last connection closes ──60 s──▶ empty? ──yes──▶ end
 *          ▲                            │ no
 *          └── a new one cancels        └──▶ look again in 60 s
 */
import type { Clock } from "../base/clock.ts";

export interface IdleOptions {
  readonly clock: Clock;
  /** How long nobody must have been connected. */
  readonly idleMs: number;
  /** Whether nothing is left to care for. */
  readonly isEmpty: () => boolean;
  readonly onIdle: () => void;
}

export class IdleWatch implements Disposable {
  readonly #options: IdleOptions;
  #cancel: (() => void) | undefined;
  #isOver = false;

  /** Begins to count at once: the command that started us may have gone. */
  constructor(options: IdleOptions) {
    this.#options = options;
    this.#wait();
  }

  /** @param open - how many connections there are now. */
  connections(open: number): void {
    this.#stop();
    if (open === 0) this.#wait();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
    this.#stop();
  }

  #wait(): void {
    if (this.#isOver) return;
    const { clock, idleMs, isEmpty, onIdle } = this.#options;
    this.#cancel = clock.after(idleMs, () => {
      this.#cancel = undefined;
      if (isEmpty()) {
        this.#isOver = true;
        onIdle();
      } else {
        this.#wait();
      }
    });
  }

  #stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
