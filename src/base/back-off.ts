/**
 * Exponential back-off as the kubelet uses it for containers: 10 s doubling to 5 min, forgotten
 * after 10 min without a failure. Pure: the caller passes the time.
 */

export interface BackOffLimits {
  readonly initialMs: number;
  readonly maxMs: number;
  /** A failure this long after the last one starts from the beginning again. */
  readonly resetMs: number;
}

export interface BackOffState {
  /** Delay before the next attempt, 0 for the first. */
  readonly delayMs: number;
  /** When the last failure was, on the clock of the caller. */
  readonly failedAtMs: number;
}

export const containerBackOff: BackOffLimits = {
  initialMs: 10_000,
  maxMs: 300_000,
  resetMs: 600_000,
};

/**
 * The state after one more failure. The first failure of a row is retried at once (delay 0), as
 * the kubelet does: the back-off counts restarts that failed again.
 * @param lastedMs - how long the attempt ran before it failed.
 */
export function nextBackOff(
  previous: BackOffState | undefined,
  limits: BackOffLimits,
  attempt: { readonly nowMs: number; readonly lastedMs: number },
): BackOffState {
  if (previous === undefined || attempt.lastedMs >= limits.resetMs) {
    return { delayMs: 0, failedAtMs: attempt.nowMs };
  }
  const delayMs =
    previous.delayMs === 0 ? limits.initialMs : Math.min(previous.delayMs * 2, limits.maxMs);
  return { delayMs, failedAtMs: attempt.nowMs };
}
