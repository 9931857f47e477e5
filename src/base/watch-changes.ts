/**
 * Tells about changes of a file or a folder by inotify(7), and by looking from time to time when the
 * kernel has no watch left. Instances and watches are counted by user: root in any container that has
 * no users of its own can take all of them, and nspod must go on (security: KRN-15).
 */
import { watch } from "node:fs";
import { hasCode } from "./errors.ts";

export interface Changes {
  close(): void;
}

export interface WatchOptions {
  readonly watchPath?: (path: string, changed: (name: string | null) => void) => Changes;
  /** Between two looks without a watch, default 100. */
  readonly periodMs?: number;
}

/**
 * @param changed - is called after changes, at times without one; with the name in the folder, null when unknown.
 * It comes as well when the watch breaks, e.g. because what is watched was removed.
 * @throws ENOENT when there is nothing to watch.
 */
export function watchChanges(
  path: string,
  changed: (name: string | null) => void,
  { watchPath = watchByKernel, periodMs = 100 }: WatchOptions = {},
): Changes {
  try {
    return watchPath(path, changed);
  } catch (error) {
    // inotify_init(2): EMFILE, ENFILE; inotify_add_watch(2): ENOSPC.
    if (!hasCode(error, "EMFILE", "ENFILE", "ENOSPC", "ENOMEM")) throw error;
    const timer = setInterval(() => changed(null), periodMs);
    return { close: () => clearInterval(timer) };
  }
}

function watchByKernel(path: string, changed: (name: string | null) => void): Changes {
  const watcher = watch(path, (_event, name) => changed(name));
  watcher.on("error", () => changed(null));
  return watcher;
}

/** Takes this process's inotify instance, which it keeps from then on, while there is one. */
export function reserveWatches(): void {
  watchChanges("/", () => undefined).close();
}
