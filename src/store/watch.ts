/**
 * One watch: a position in the log and a bell. The writer rings after a commit of its kind, the reader then
 * fetches what lies between its position and the end, in portions.
 *
 *   wait for the bell ──▶ fetch up to 100 changes after `position` ──▶ hand out one by one ──┐
 *        ▲                                                                                   │
 *        └──────────────────────────── nothing left ◀────────────────────────────────────────┘
 *
 * Nothing is queued for a slow reader; when the log is compacted past its position, it is Expired.
 */
import { PodError } from "../base/errors.ts";
import type { WatchEvent, WatchOptions } from "./watch-event.ts";

/** How a watch sees its store. */
export interface WatchSource<T> {
  state(): { readonly items: readonly T[]; readonly resourceVersion: string };
  changes(
    after: number,
    limit: number,
  ): readonly { readonly revision: number; readonly event: WatchEvent<T> }[];
  revision(): number;
  compacted(): number;
  /** A watch sleeps for so many revisions of other kinds at most. */
  readonly restDistance: number;
  /** From now on the watch wants to be woken, until `ended`. */
  started(): void;
  ended(): void;
}

const portion = 100;

/** A bookmark is sent when this many revisions passed without an event for the reader. */
const bookmarkDistance = 500;

export class Watch<T> implements AsyncIterable<WatchEvent<T>> {
  readonly #kind: string;
  readonly #options: WatchOptions;
  readonly #source: WatchSource<T>;
  #bell: PromiseWithResolvers<void> = Promise.withResolvers();
  #isEnded = false;
  /** Everything up to this revision is handed out. */
  #position = 0;

  constructor(kind: string, options: WatchOptions, source: WatchSource<T>) {
    this.#kind = kind;
    this.#options = options;
    this.#source = source;
  }

  /** Objects of these kinds were changed. */
  wake(kinds: ReadonlySet<string>): void {
    if (kinds.has(this.#kind) || this.#isFarBehind()) this.#bell.resolve();
  }

  /** It moves on now and then although nothing happens for it: the log forgets what is behind. */
  #isFarBehind(): boolean {
    return this.#source.revision() - this.#position >= this.#source.restDistance;
  }

  /** Ends the iteration after the event that is being handled. */
  readonly end = (): void => {
    this.#isEnded = true;
    this.#bell.resolve();
    this.#options.signal.removeEventListener("abort", this.end);
    this.#source.ended();
  };

  async *[Symbol.asyncIterator](): AsyncGenerator<WatchEvent<T>, void, void> {
    const { from, bookmarks, signal } = this.#options;
    if (signal.aborted) return;
    signal.addEventListener("abort", this.end, { once: true });
    this.#source.started();
    try {
      if (from === undefined) {
        const { items, resourceVersion } = this.#source.state();
        this.#position = Number(resourceVersion);
        for (const object of items) {
          yield { type: "ADDED", object };
          if (this.#isEnded) return;
        }
        if (bookmarks) yield this.#bookmark(this.#position);
      } else {
        this.#position = parseRevision(from);
      }
      yield* this.#follow();
    } finally {
      this.end();
    }
  }

  async *#follow(): AsyncGenerator<WatchEvent<T>, void, void> {
    let told = this.#position;
    while (!this.#isEnded) {
      // Before reading: a commit that comes while the reader handles an event rings the new bell.
      this.#bell = Promise.withResolvers();
      this.#checkRange(this.#position);
      const end = this.#source.revision();
      const found = this.#source.changes(this.#position, portion);
      for (const { revision, event } of found) {
        this.#position = revision;
        told = revision;
        yield event;
        if (this.#isEnded) return;
      }
      if (found.length === portion) continue;
      this.#position = Math.max(this.#position, end);
      if (this.#options.bookmarks && this.#position - told >= bookmarkDistance) {
        told = this.#position;
        yield this.#bookmark(told);
      }
      if (this.#source.revision() === this.#position) await this.#bell.promise;
    }
  }

  #checkRange(position: number): void {
    const [oldest, newest] = [this.#source.compacted(), this.#source.revision()];
    if (position >= oldest && position <= newest) return;
    throw new PodError(
      "FailedPrecondition",
      `Cannot watch ${this.#kind} from resourceVersion ${position}: the log holds ${oldest} to ${newest}: list again and watch from there`,
      { data: { reason: "Expired" } },
    );
  }

  #bookmark(position: number): WatchEvent<T> {
    const object = {
      apiVersion: "v1",
      kind: this.#kind,
      metadata: { resourceVersion: String(position) },
    };
    // A bookmark is by definition an object without content (meta/v1 WatchEvent).
    return { type: "BOOKMARK", object: object as T };
  }
}

function parseRevision(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new PodError("InvalidArgument", `resourceVersion: must be a number: got "${text}"`);
}
