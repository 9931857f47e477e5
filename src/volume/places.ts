/**
 * Places of the node of which nobody knows who serves them: a dead NFS or FUSE file system never answers, and a thread
 * that asks it cannot be ended. The main thread asks none; libuv's pool has four threads, of which two may be lost.
 *
 * At most one visit to a place is under way, and two in all; who waits in vain is told, and may come again.
 */
import { atMost } from "../base/at-most.ts";
import type { Clock } from "../base/clock.ts";
import { PodError } from "../base/errors.ts";

const mostAtOnce = 2;

/** What answers at all answers in milliseconds. */
const patienceMs = 5_000;

export class Places {
  readonly #clock: Clock;
  /** Visits by path; each resolves, true, when it is over, however it ended. */
  readonly #visits = new Map<string, Promise<true>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * @param path - the place, absolute. @param look - asks the file system, not in the main thread.
   * @throws PodError DeadlineExceeded when there is no answer within 5 s; what `look` does later is ignored.
   */
  async visit<T>(path: string, look: () => Promise<T>): Promise<T> {
    const endMs = this.#clock.monotonic() + patienceMs;
    const inTime = async <R>(work: Promise<R>): Promise<R | undefined> =>
      await atMost(this.#clock, endMs - this.#clock.monotonic(), work);
    for (;;) {
      const before = this.#visits.get(path);
      if (before === undefined && this.#visits.size < mostAtOnce) break;
      const isFree = await inTime(before ?? Promise.race(this.#visits.values()));
      if (isFree === undefined) throw this.#unanswered(path);
    }
    const visit = look();
    const over = visit.then(() => true as const).catch(() => true as const);
    this.#visits.set(path, over);
    void over.then(() => this.#visits.delete(path));
    if ((await inTime(over)) === undefined) throw this.#unanswered(path);
    return await visit;
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
