/** Waits for the last process of a cgroup to be gone; the kernel tells by changing cgroup.events. */
import { watch } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../base/errors.ts";
import { isPopulated } from "./hierarchy.ts";

/**
 * Resolves true when no process lives in the cgroup or below it, or the cgroup is gone; false
 * when `timeoutMs` has passed and some do (D state: SIGKILL waits for the disk too).
 */
export async function waitUntilEmpty(directory: string, timeoutMs: number): Promise<boolean> {
  if (!isPopulated(directory)) return true;
  const signal = AbortSignal.timeout(timeoutMs);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  signal.addEventListener("abort", () => resolve(!isPopulated(directory)), { once: true });
  try {
    const watcher = watch(join(directory, "cgroup.events"), { signal, persistent: true }, () => {
      if (!isPopulated(directory)) resolve(true);
    });
    watcher.on("error", () => resolve(!isPopulated(directory)));
    // Between the first look and the watch the last process may have gone.
    if (!isPopulated(directory)) resolve(true);
    const isEmpty = await promise;
    watcher.close();
    return isEmpty;
  } catch (error) {
    if (hasCode(error, "ENOENT", "ABORT_ERR")) return !isPopulated(directory);
    throw error;
  }
}
