/** Removes everything of a pod, by its uid alone; and finds what belongs to no pod. */

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PodError } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import { listPodCgroups } from "../cgroup/hierarchy.ts";
import { forgetEnvironments } from "./container-environment.ts";
import type { EngineContext } from "./context.ts";
import { podFolders } from "./folders.ts";
import { releaseAddress } from "./release-address.ts";
import { stopSandbox } from "./sandbox.ts";

/**
 * Ends and removes a pod; fine when parts of it or all of it are gone.
 * @throws PodError FailedPrecondition while processes of it do not end.
 */
export async function removePod(context: EngineContext, uid: string): Promise<void> {
  const shimPid = context.records.get(uid)?.sandbox.shimPid ?? 0;
  if (!(await stopSandbox(context, uid, shimPid))) {
    throw new PodError(
      "FailedPrecondition",
      `Cannot remove pod ${uid}: processes of it do not end after SIGKILL (uninterruptible sleep)`,
    );
  }
  releaseAddress(context, uid);
  context.discard(podFolders(context.instance, uid).state);
  forgetEnvironments(context, uid);
  // Last: as long as the record stands, the next daemon repeats all this.
  failpoint("pod/remove-pod.record");
  context.records.delete(uid);
}

/** The uids that have files, cgroups, records or an address, but no pod in the store. */
export function orphans(context: EngineContext, known: ReadonlySet<string>): readonly string[] {
  const { instance, hierarchy, records } = context;
  const found = new Set([
    ...foldersIn(join(instance.root, "pods")),
    ...foldersIn(join(instance.run, "pods")),
    ...listPodCgroups(hierarchy),
    ...records.list().map(({ key }) => key),
    ...context.owners(),
  ]);
  return [...found].filter((uid) => !known.has(uid));
}

function foldersIn(path: string): string[] {
  return existsSync(path) ? readdirSync(path) : [];
}
