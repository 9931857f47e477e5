/** Bounds a wait for somebody who may never answer. */
import type { Clock } from "./clock.ts";

/**
 * Waits for `work` at most this long; what it does later is ignored, its errors too.
 * @returns its result, or undefined when the time was over first.
 */
export async function atMost<T>(
  clock: Clock,
  limitMs: number,
  work: Promise<T>,
): Promise<T | undefined> {
  const { promise: timeout, resolve } = Promise.withResolvers<undefined>();
  const cancel = clock.after(limitMs, () => {
    // Nobody waits any more: a late failure is no unhandled one.
    work.catch(() => undefined);
    resolve(undefined);
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    cancel();
  }
}
