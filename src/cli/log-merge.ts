/**
 * Lines of several logs in the order of their time stamps. Logs that have an end are merged exactly; of those that
 * are followed, a line waits a moment for earlier ones that are still on their way.
 */
import type { Clock } from "../base/clock.ts";

export interface LogEntry<S> {
  readonly source: S;
  /** RFC 3339 with nine digits behind the second, in UTC: sorts as text. */
  readonly time: string;
  readonly line: string;
}

/** Merges sources that are ordered in themselves; equal times keep the order of the sources. */
export async function* mergeLogs<S>(
  sources: readonly AsyncIterable<LogEntry<S>>[],
): AsyncGenerator<LogEntry<S>, void, undefined> {
  const iterators = sources.map((source) => source[Symbol.asyncIterator]());
  const heads = await Promise.all(iterators.map(async (iterator) => await iterator.next()));
  for (;;) {
    let first: number | undefined;
    for (const [index, head] of heads.entries()) {
      if (head.done) continue;
      const best = first === undefined ? undefined : heads[first];
      if (best === undefined || best.done || head.value.time < best.value.time) first = index;
    }
    const head = first === undefined ? undefined : heads[first];
    const iterator = first === undefined ? undefined : iterators[first];
    if (first === undefined || iterator === undefined || head === undefined || head.done) return;
    yield head.value;
    heads[first] = await iterator.next();
  }
}

/** From the write of a line to its arrival here, with room to spare. */
export const reorderMs = 100;

/** Holds lines back for a moment and hands them on in order. */
export class ReorderWindow<S> {
  readonly #clock: Clock;
  readonly #take: (entry: LogEntry<S>) => void;
  #waiting: { readonly entry: LogEntry<S>; readonly dueMs: number }[] = [];
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, take: (entry: LogEntry<S>) => void) {
    this.#clock = clock;
    this.#take = take;
  }

  push(entry: LogEntry<S>): void {
    this.#waiting.push({ entry, dueMs: this.#clock.monotonic() + reorderMs });
    this.#cancel ??= this.#clock.after(reorderMs, () => this.#release());
  }

  /** Nothing comes any more. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#handOn(this.#waiting.length);
  }

  #release(): void {
    this.#cancel = undefined;
    const nowMs = this.#clock.monotonic();
    this.#handOn(this.#waiting.filter(({ dueMs }) => dueMs <= nowMs).length);
    const [next] = this.#waiting;
    if (next === undefined) return;
    this.#cancel = this.#clock.after(Math.max(1, next.dueMs - nowMs), () => this.#release());
  }

  /** The first `due` have waited long enough; what is older than one of them goes with it. */
  #handOn(due: number): void {
    if (due === 0) return;
    const times = this.#waiting.slice(0, due).map(({ entry }) => entry.time);
    const last = times.sort().at(-1) ?? "";
    const ready = this.#waiting.filter(({ entry }) => entry.time <= last);
    this.#waiting = this.#waiting.filter(({ entry }) => entry.time > last);
    // Array.sort is stable: lines of one log with one time stay in their order.
    ready.sort((a, b) => (a.entry.time < b.entry.time ? -1 : Number(a.entry.time > b.entry.time)));
    for (const { entry } of ready) this.#take(entry);
  }
}
