/**
 * Places of the node of which nobody knows who serves them: a dead NFS or FUSE file system never answers, and a thread
 * that asks it cannot be ended. The main thread asks none; libuv's pool has four threads, of which three may be lost:
 * two to looks at places, one to a walk through a volume.
 *
 * At most one visit to a place is under way, and so many in all; who waits in vain is told, and may come again.
 */
import { atMost } from "../base/at-most.ts";
import type { Clock } from "../base/clock.ts";
import { PodError } from "../base/errors.ts";

/** What answers at all answers in milliseconds. */
const patienceMs = 5_000;

interface Visit {
  /** Resolves, true, when it is over, however it ended. */
  readonly over: Promise<true>;
  readonly progress: () => number;
}

export class Places {
  readonly #clock: Clock;
  readonly #mostAtOnce: number;
  /** By path. */
  readonly #visits = new Map<string, Visit>();

  /** @param mostAtOnce - threads that it may take. */
  constructor(clock: Clock, mostAtOnce: number) {
    this.#clock = clock;
    this.#mostAtOnce = mostAtOnce;
  }

  /**
   * @param path - the place, absolute. @param look - asks the file system, not in the main thread.
   * @param progress - grows with every answer, of a look that takes more than one.
   * @throws PodError DeadlineExceeded when there is no answer within 5 s; what `look` does later is ignored.
   */
  async visit<T>(path: string, look: () => Promise<T>, progress = (): number => 0): Promise<T> {
    for (;;) {
      const before = this.#visits.get(path);
      if (before === undefined && this.#visits.size < this.#mostAtOnce) break;
      const others = before === undefined ? [...this.#visits.values()] : [before];
      if (!(await this.#isOver(others))) throw this.#unanswered(path);
    }
    const result = look();
    const over = result.then(() => true as const).catch(() => true as const);
    const visit = { over, progress };
    this.#visits.set(path, visit);
    void over.then(() => this.#visits.delete(path));
    if (!(await this.#isOver([visit]))) throw this.#unanswered(path);
    return await result;
  }

  /** Whether one of them ends before all of them have given no answer for 5 s. */
  async #isOver(visits: readonly Visit[]): Promise<boolean> {
    const ended = Promise.race(visits.map(({ over }) => over));
    const answers = (): number => visits.reduce((sum, { progress }) => sum + progress(), 0);
    for (;;) {
      const before = answers();
      if (await atMost(this.#clock, patienceMs, ended)) return true;
      if (answers() === before) return false;
    }
  }

  #unanswered(path: string): PodError {
    const silent = [...this.#visits.keys()];
    const whose = silent.includes(path)
      ? `its file system does not answer`
      : `the file systems of "${silent.join('" and "')}" do not answer and hold up all others`;
    const seconds = patienceMs / 1000;
    return new PodError("DeadlineExceeded", `Waited ${seconds} s for "${path}": ${whose}`, {
      data: { reason: "FailedMount", path },
    });
  }
}
