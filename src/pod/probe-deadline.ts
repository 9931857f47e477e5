/** The time limit of one question as an AbortSignal. */
import type { Clock } from "../base/clock.ts";
import { isPodError, PodError } from "../base/errors.ts";

export interface Deadline extends Disposable {
  /** Aborted with a PodError DeadlineExceeded when the time is over, or with the reason of the outer signal. */
  readonly signal: AbortSignal;
}

/** @param timeoutMs - 0 = no limit. Dispose of it when the answer is there. */
export function startDeadline(clock: Clock, timeoutMs: number, outer: AbortSignal): Deadline {
  const controller = new AbortController();
  const pass = (): void => controller.abort(outer.reason);
  if (outer.aborted) pass();
  else outer.addEventListener("abort", pass, { once: true });
  const expire = (): void => {
    const message = `No answer within ${timeoutMs / 1000} s`;
    controller.abort(new PodError("DeadlineExceeded", message));
  };
  const cancel = timeoutMs > 0 ? clock.after(timeoutMs, expire) : () => undefined;
  return {
    signal: controller.signal,
    [Symbol.dispose]: () => {
      cancel();
      outer.removeEventListener("abort", pass);
    },
  };
}

/** Whether the signal was aborted because the time was over. */
export function isExpired(signal: AbortSignal): boolean {
  return signal.aborted && isPodError(signal.reason, "DeadlineExceeded");
}
