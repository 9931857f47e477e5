/**
 * Takes an instance off the machine: what `nspod system reset` promises. Called when its pods are
 * gone and its store is closed; folders.ts removes what is left of the folders. Every step succeeds
 * when there is nothing left to do.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { trashFolder } from "../agent/trash-collector.ts";
import type { Instance } from "../base/instance.ts";
import { type Hierarchy, removeCgroup } from "../cgroup/hierarchy.ts";
import { removeBridge } from "../net/bridge.ts";
import type { Firewall } from "../net/firewall.ts";
import { discard, emptyTrash } from "../sys/trash.ts";
import { tokenKeyFile } from "../volume/service-account-tokens.ts";

export interface DismantleOptions {
  readonly instance: Instance;
  readonly hierarchy: Pick<Hierarchy, "directory">;
  readonly firewall: Firewall;
  /** Removes the packet rules of Services. */
  readonly removeServices: () => void;
}

/** Trees below the root folder whose content came from images and containers. */
const hostile = ["layers", "pods", "volumes", "images"];

export async function dismantle({
  instance,
  hierarchy,
  firewall,
  removeServices,
}: DismantleOptions): Promise<void> {
  removeServices();
  firewall.remove();
  removeBridge(instance.bridge);
  removeCgroup(hierarchy.directory);
  const trash = trashFolder(instance.root);
  for (const name of hostile) discard(trash, join(instance.root, name));
  await emptyTrash(trash);
  const own = ["seccomp", tokenKeyFile].map((name) => join(instance.root, name));
  for (const path of [trash, trashFolder(instance.run), ...own]) {
    rmSync(path, { recursive: true, force: true });
  }
}
