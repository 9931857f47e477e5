// Waiting for something that has no event to listen to, with a bound.
// Use it for what the kernel finishes in the background (network namespaces are torn down by a
// worker after their last process ended); prefer a real event wherever there is one.
import { setTimeout as sleep } from "node:timers/promises";
import { patient } from "./patience.ts";

/**
 * Calls `probe` until it returns something other than `undefined`; pauses 10 ms, 20 ms, … 250 ms.
 * @param what - Words for the error: "the pod's veth to go away".
 * @param timeoutMs - 1..60000.
 * @throws Error that names `what` when the time is over; the last error of `probe` is its cause.
 */
export async function eventually<T>(
  what: string,
  timeoutMs: number,
  probe: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  const end = performance.now() + patient(timeoutMs);
  let cause: unknown;
  for (let pauseMs = 10; ; pauseMs = Math.min(pauseMs * 2, 250)) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      cause = error;
    }
    if (performance.now() + pauseMs > end) break;
    await sleep(pauseMs);
  }
  throw new Error(`Waited ${timeoutMs} ms for ${what}`, { cause });
}
