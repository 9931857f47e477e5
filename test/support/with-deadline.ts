// Deadlines for uvu tests, which has none of its own.
// Invariant: a test body that neither resolves nor rejects in time fails with a sentence that names
// the time; the body is told through its signal so that it can let go of what it holds.
import { patient } from "./patience.ts";

/**
 * Wraps a test body so that it fails when it takes longer than `ms` milliseconds.
 * @param ms - 1..; the time for the body alone, without the hooks of the suite.
 * @param body - Gets a signal that is aborted when the time is over.
 * @returns A callback for uvu's `test(name, callback)`.
 */
export function withDeadline(
  ms: number,
  body: (signal: AbortSignal) => Promise<void> | void,
): () => Promise<void> {
  const limitMs = patient(ms);
  return async () => {
    const controller = new AbortController();
    const { promise: overdue, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      const error = new Error(`Test took longer than its deadline of ${limitMs} ms`);
      controller.abort(error);
      reject(error);
    }, limitMs);
    try {
      await Promise.race([body(controller.signal), overdue]);
    } finally {
      clearTimeout(timer);
    }
  };
}
