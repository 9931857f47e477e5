/**
 * The hooks of a pod that run now, and those that have ended since the last look. Which hooks shall run is in the
 * pod's record: a new daemon runs an unfinished one again, as Kubernetes promises "at least once".
 */
import { Inbox } from "./inbox.ts";

export interface HookEnd {
  readonly attemptId: string;
  readonly kind: HookKind;
  /** Why it failed; undefined when it did not. */
  readonly error: unknown;
}

export type HookKind = "postStart" | "preStop";

export class HookRuns {
  readonly #running = new Map<string, AbortController>();
  readonly ends: Inbox<HookEnd> = new Inbox();

  /**
   * Begins a hook unless it runs already.
   * @param onEnd - called after its end is there to be taken; not when it was cancelled.
   */
  begin(
    { attemptId, kind }: Pick<HookEnd, "attemptId" | "kind">,
    run: (signal: AbortSignal) => Promise<void>,
    onEnd: () => void,
  ): void {
    const key = keyOf(attemptId, kind);
    if (this.#running.has(key)) return;
    const abort = new AbortController();
    this.#running.set(key, abort);
    const end = (error: unknown): void => {
      if (abort.signal.aborted) return;
      this.#running.delete(key);
      this.ends.push({ attemptId, kind, error });
      onEnd();
    };
    run(abort.signal).then(
      () => end(undefined),
      (error: unknown) => end(error ?? new Error("The hook failed")),
    );
  }

  /** Cancels every hook that is not among these. */
  keepOnly(wanted: readonly Pick<HookEnd, "attemptId" | "kind">[]): void {
    const kept = new Set(wanted.map(({ attemptId, kind }) => keyOf(attemptId, kind)));
    for (const [key, abort] of this.#running) {
      if (kept.has(key)) continue;
      this.#running.delete(key);
      abort.abort();
    }
  }
}

function keyOf(attemptId: string, kind: HookKind): string {
  return `${kind} ${attemptId}`;
}
