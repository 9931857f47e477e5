/** Time as an argument, so that tests can hold it in their hands. */

export interface Clock {
  /** Wall clock in ms since 1970: for time stamps that users see. */
  now(): number;
  /** Monotonic ms: for durations and deadlines. */
  monotonic(): number;
  /** Calls `run` once after `delayMs`; the result cancels it. */
  after(delayMs: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

/** Kubernetes' metav1.Time: RFC 3339, UTC, whole seconds. */
export function toTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
