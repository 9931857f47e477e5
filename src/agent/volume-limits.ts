/**
 * Evicts pods whose emptyDir volumes on disk outgrow their sizeLimit, as the kubelet does; a
 * memory-backed volume has its limit in the kernel.
 */
import { join } from "node:path";
import type { PodEngine } from "../pod/engine.ts";
import { podFolders } from "../pod/folders.ts";
import type { Pod } from "../spec/pod.ts";
import { byteCount } from "../spec/quantity.ts";
import { diskUsage } from "../sys/disk-usage.ts";

/** The kubelet's eviction manager looks as often. */
export const volumeLimitPeriodMs = 10_000;

export async function enforceVolumeLimits(engine: PodEngine, pods: readonly Pod[]): Promise<void> {
  for (const pod of pods) {
    const limited = limitedVolumes(pod);
    // In this order: few pods have such volumes, and records are read from the disk.
    if (limited.length === 0 || engine.record(pod.metadata.uid)?.sandbox.state !== "ready")
      continue;
    for (const { name, sizeLimit } of limited) {
      const folder = join(podFolders(engine.context.instance, pod.metadata.uid).volumes, name);
      if ((await diskUsage(folder)) <= byteCount(sizeLimit)) continue;
      const message = `Usage of EmptyDir volume "${name}" exceeds the limit "${sizeLimit}".`;
      engine.evict(pod, { reason: "Evicted", message });
      break;
    }
  }
}

interface LimitedVolume {
  readonly name: string;
  readonly sizeLimit: string;
}

function limitedVolumes({ spec }: Pod): readonly LimitedVolume[] {
  return (spec.volumes ?? []).flatMap(({ name, emptyDir }) =>
    emptyDir?.sizeLimit === undefined || emptyDir.medium === "Memory"
      ? []
      : [{ name, sizeLimit: emptyDir.sizeLimit }],
  );
}
