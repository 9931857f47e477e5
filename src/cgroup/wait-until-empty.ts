/** Waits for the last process of a cgroup to be gone; the kernel tells by changing cgroup.events. */
import { join } from "node:path";
import { hasCode } from "../base/errors.ts";
import { type WatchOptions, watchChanges } from "../base/watch-changes.ts";
import { isPopulated } from "./hierarchy.ts";

/**
 * Resolves true when no process lives in the cgroup or below it, or the cgroup is gone; false
 * when `timeoutMs` has passed and some do (D state: SIGKILL waits for the disk too).
 */
export async function waitUntilEmpty(
  directory: string,
  timeoutMs: number,
  options: WatchOptions = {},
): Promise<boolean> {
  if (!isPopulated(directory)) return true;
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const look = (): void => {
    if (!isPopulated(directory)) resolve(true);
  };
  const timer = setTimeout(() => resolve(!isPopulated(directory)), timeoutMs);
  try {
    const watching = watchChanges(join(directory, "cgroup.events"), look, options);
    try {
      // Between the first look and the watch the last process may have gone.
      look();
      return await promise;
    } finally {
      watching.close();
    }
  } catch (error) {
    if (hasCode(error, "ENOENT")) return !isPopulated(directory);
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
