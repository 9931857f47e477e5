/**
 * What no event announces: volumes that outgrow their sizeLimit, packet rules that somebody
 * flushed, trash that was left behind. Each duty has a period of its own and never overlaps itself.
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";

export interface Duty {
  readonly name: string;
  readonly periodMs: number;
  readonly run: () => void | Promise<void>;
}

export class Housekeeping implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #cancels = new Map<string, () => void>();
  readonly #running = new Set<Promise<void>>();
  #isClosed = false;

  constructor(clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#log = log;
  }

  /** Runs a duty now and then, each time the given period after it ended. */
  add(duty: Duty): void {
    if (this.#isClosed) return;
    const next = (): void => {
      const round = this.#round(duty).finally(() => {
        this.#running.delete(round);
        this.add(duty);
      });
      this.#running.add(round);
    };
    this.#cancels.set(duty.name, this.#clock.after(duty.periodMs, next));
  }

  async #round({ name, run }: Duty): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#log.warn({ duty: name, error: messageOf(error) }, "housekeeping failed");
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const cancel of this.#cancels.values()) cancel();
    await Promise.all(this.#running);
  }
}
