/**
 * Evicts pods that fill more of the disk than their limits of ephemeral-storage allow: what containers wrote into
 * their root file systems, their logs, and emptyDir volumes on disk. Pods without such a limit are not looked at.
 *
 * Source: Kubernetes, "Local ephemeral storage", "resource management for ephemeral storage"; words of the
 * kubelet's eviction manager.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PodEngine } from "../pod/engine.ts";
import { attemptFolder, logFolder, podFolders } from "../pod/folders.ts";
import type { Pod } from "../spec/pod.ts";
import { podLimits } from "../spec/pod-resources.ts";
import { byteCount, formatQuantity } from "../spec/quantity.ts";
import { diskUsage } from "../sys/disk-usage.ts";

const resource = "ephemeral-storage";

/** Bytes that a pod occupies. */
export interface StorageUsage {
  /** Root file system and logs by container. */
  readonly containers: ReadonlyMap<string, number>;
  /** All emptyDir volumes on disk. */
  readonly volumes: number;
}

/** Why a pod has to go; undefined when it keeps its limits. Pure. */
export function storageExcess(pod: Pod, usage: StorageUsage): string | undefined {
  const limit = podLimits(pod).get(resource);
  if (limit === undefined) return undefined;
  const all = [...usage.containers.values()].reduce((sum, bytes) => sum + bytes, usage.volumes);
  const text = formatQuantity({ nano: limit, format: "BinarySI" });
  if (all > byteCount(text)) {
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${text}.`;
  }
  for (const { name, resources } of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    const own = resources?.limits?.[resource];
    if (own === undefined || (usage.containers.get(name) ?? 0) <= byteCount(own)) continue;
    return `Container ${name} exceeded its local ephemeral storage limit "${own}".`;
  }
  return undefined;
}

/** Looks at every pod that has a limit. */
export async function enforceEphemeralStorage(
  engine: PodEngine,
  pods: readonly Pod[],
): Promise<void> {
  for (const pod of pods) {
    // In this order: few pods have such a limit, and records are read from the disk.
    if (!podLimits(pod).has(resource)) continue;
    if (engine.record(pod.metadata.uid)?.sandbox.state !== "ready") continue;
    const message = storageExcess(pod, await measure(engine, pod));
    if (message !== undefined) engine.evict(pod, { reason: "Evicted", message });
  }
}

async function measure(engine: PodEngine, pod: Pod): Promise<StorageUsage> {
  const { uid } = pod.metadata;
  const folders = podFolders(engine.context.instance, uid);
  const containers = new Map<string, number>();
  for (const [name, { current }] of Object.entries(engine.record(uid)?.containers ?? {})) {
    const logs = await usage(logFolder(folders, name));
    const upper =
      current === undefined
        ? 0
        : await usage(join(attemptFolder(folders, name, current.number), "upper"));
    containers.set(name, logs + upper);
  }
  let volumes = 0;
  for (const { name, emptyDir } of pod.spec.volumes ?? []) {
    // Memory and huge pages are no disk.
    if (emptyDir && !emptyDir.medium) volumes += await usage(join(folders.volumes, name));
  }
  return { containers, volumes };
}

async function usage(folder: string): Promise<number> {
  return existsSync(folder) ? await diskUsage(folder) : 0;
}
