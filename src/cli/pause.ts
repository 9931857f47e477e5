/**
 * Waits, until the signal fires at the latest.
 * Loading node:timers/promises for it would take a command 2 ms (decision 0606).
 */
export async function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = (): void => resolve();
  const timer = setTimeout(end, delayMs);
  signal?.addEventListener("abort", end, { once: true });
  await promise;
  clearTimeout(timer);
  signal?.removeEventListener("abort", end);
}
