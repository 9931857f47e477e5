/**
 * The newest changes of the store in memory: a watch that keeps up reads them here, one that is behind
 * reads the log.
 *
 *   revision   … 41  42  43 │ 44  45  46  47        no gaps: those of all kinds follow each other
 *              only the log │ here, too   newest
 */
import type { StoredText } from "./stored-text.ts";

export interface RecentChange {
  readonly revision: number;
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly kind: string;
  readonly namespace: string;
  readonly body: StoredText;
  /** Of a MODIFIED. */
  readonly previous?: StoredText;
}

/** As many as a watch reads at once: one that is further behind asks the log anyway. */
const defaultLimit = 100;

export class RecentChanges {
  readonly #limit: number;
  /** Sorted by revision. */
  readonly #changes: RecentChange[] = [];

  constructor(limit: number = defaultLimit) {
    this.#limit = limit;
  }

  /** @param change - its revision follows that of the one before. */
  add(change: RecentChange): void {
    if (this.#changes.push(change) > this.#limit) this.#changes.shift();
  }

  /**
   * The changes of a kind after a revision, oldest first.
   * @param namespace - absent: of all.
   * @returns undefined when not all of them are here.
   */
  after(
    revision: number,
    kind: string,
    namespace: string | undefined,
  ): readonly RecentChange[] | undefined {
    const oldest = this.#changes[0]?.revision;
    if (oldest === undefined || revision + 1 < oldest) return undefined;
    return this.#changes
      .slice(revision + 1 - oldest)
      .filter(
        (change) =>
          change.kind === kind && (namespace === undefined || change.namespace === namespace),
      );
  }
}
