/**
 * `nspod up`: applies manifests, waits until everything is up, and shows the logs of all pods; `nspod down` deletes it.
 *
 *   apply ─▶ wait, with progress ─▶ -d: done
 *                                └▶ logs of all pods, until Ctrl-C: what runs goes on
 */
import { constants } from "node:os";
import { PodError } from "../../base/errors.ts";
import type { Context } from "../context.ts";
import { parseDuration } from "../duration.ts";
import { followAppLogs } from "../follow-app-logs.ts";
import { type ManifestSources, readObjects } from "../manifests.ts";
import { waitUntilUp } from "../up-wait.ts";
import { applyAll } from "./apply.ts";
import { deleteObjects } from "./delete.ts";

export interface UpOptions extends ManifestSources {
  readonly detach?: boolean;
  readonly timeout: string;
  readonly imageArchive?: readonly string[];
  readonly raw?: boolean;
}

/** @param files - manifests and folders, besides those of -f. */
export async function upManifests(
  context: Context,
  files: readonly string[],
  options: UpOptions,
): Promise<number> {
  const { screen } = context;
  const timeoutMs = parseDuration(options.timeout, "--timeout");
  const sources = sourcesOf(files, options);
  const objects = await readObjects(sources, context.givenNamespace);
  for (const archive of options.imageArchive ?? []) {
    const { loadArchive } = await import("./image-load.ts");
    await loadArchive(context, archive, { isQuiet: true });
  }
  const since = new Date().toISOString();
  using stop = new Interruption();
  const { applied, failures } = await applyAll(context, objects, {
    dryRun: "none",
    isQuiet: false,
  });
  if (failures > 0) return 1;
  const hint = `take it down with: nspod down ${downWords(files, options)}`;
  const limit = AbortSignal.any([stop.signal, AbortSignal.timeout(timeoutMs)]);
  const isUp = await waitUntilUp(context, applied, limit);
  if (!isUp) {
    screen.remark(`nspod: Not everything is up; "nspod why POD" says more; ${hint}`);
    return stop.exitCode ?? 1;
  }
  if (options.detach === true) return 0;
  const code = await followAppLogs(context, applied, {
    since,
    isRaw: options.raw === true,
    signal: stop.signal,
  });
  if (stop.exitCode === undefined) return code;
  screen.remark(`\nEverything goes on running; ${hint}`);
  return 0;
}

export interface DownOptions extends ManifestSources {
  readonly gracePeriod?: string;
  readonly timeout?: string;
}

/** Deletes in the reverse order and waits for all that the objects own, too; what is gone already is fine. */
export async function downManifests(
  context: Context,
  files: readonly string[],
  options: DownOptions,
): Promise<number> {
  const { gracePeriod, timeout } = options;
  return await deleteObjects(context, [], {
    ...sourcesOf(files, options),
    cascade: "foreground",
    ignoreNotFound: true,
    ...(gracePeriod !== undefined && { gracePeriod }),
    ...(timeout !== undefined && { timeout }),
  });
}

function sourcesOf(files: readonly string[], options: ManifestSources): ManifestSources {
  const filename = [...files, ...(options.filename ?? [])];
  if (filename.length === 0 && options.kustomize === undefined) {
    throw new PodError("InvalidArgument", "Name manifests or folders, or a kustomization with -k");
  }
  return { ...options, ...(filename.length > 0 && { filename }) };
}

/** The words that name the same manifests again. */
function downWords(files: readonly string[], options: ManifestSources): string {
  const { filename = [], recursive, kustomize } = options;
  return [
    ...(recursive === true ? ["-R"] : []),
    ...(kustomize === undefined ? [] : ["-k", kustomize]),
    ...files,
    ...filename,
  ].join(" ");
}

/** Ctrl-C and its like: the first ends the wait or the logs, a second one the command. */
class Interruption implements Disposable {
  readonly #abort = new AbortController();
  #received: "SIGINT" | "SIGTERM" | undefined;

  constructor() {
    process.on("SIGINT", this.#onSignal);
    process.on("SIGTERM", this.#onSignal);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** 128 + number of the signal; undefined when none came. */
  get exitCode(): number | undefined {
    return this.#received === undefined ? undefined : 128 + constants.signals[this.#received];
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#onSignal);
    process.off("SIGTERM", this.#onSignal);
  }

  readonly #onSignal = (signal: "SIGINT" | "SIGTERM"): void => {
    this.#received = signal;
    this.#abort.abort();
    // The next one ends the process.
    this[Symbol.dispose]();
  };
}
