/**
 * Tells who fills a claim of the class local-path beyond its capacity. A folder has no size of its own: nothing is
 * refused or removed, because data outlives pods; the pods that use the claim get a Warning.
 */
import type { PodEngine } from "../pod/engine.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { byteCount } from "../spec/quantity.ts";
import { diskUsage } from "../sys/disk-usage.ts";
import { claimNameOf } from "../volume/claims.ts";
import { ownFolder, volumesFolder } from "../volume/local-path.ts";

export const claimCapacityPeriodMs = 60_000;

/** A volume that takes long to measure is left alone for this many times as long. */
const restFactor = 100;

type Context = Pick<PodEngine["context"], "instance" | "nodeName" | "objects" | "clock" | "report">;

export class ClaimCapacity {
  readonly #context: Context;
  /** When a volume may be measured again, by name; monotonic. */
  readonly #restUntil = new Map<string, number>();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Measures the claims that these pods use and that nspod made. */
  async look(pods: readonly Pod[]): Promise<void> {
    const known = new Map<string, boolean>();
    for (const pod of pods) {
      if (pod.status?.phase !== "Running") continue;
      for (const volume of pod.spec.volumes ?? []) {
        const name = claimNameOf(pod, volume);
        const bound = name === undefined ? undefined : this.#volumeOf(pod, name);
        if (bound === undefined) continue;
        const { metadata, spec } = bound;
        const isFull = known.get(metadata.name) ?? (await this.#isFull(bound));
        known.set(metadata.name, isFull);
        if (!isFull) continue;
        const message = `PersistentVolumeClaim "${name}" holds more than its capacity "${spec.capacity?.["storage"]}", which a folder does not enforce: remove data, or ask for more`;
        this.#context.report(pod, { type: "Warning", reason: "VolumeCapacityExceeded", message });
      }
    }
    for (const name of this.#restUntil.keys()) if (!known.has(name)) this.#restUntil.delete(name);
  }

  #volumeOf({ metadata }: Pod, claimName: string): PersistentVolume | undefined {
    const { objects } = this.#context;
    const { namespace } = metadata;
    const claim = objects.get<PersistentVolumeClaim>("PersistentVolumeClaim", namespace, claimName);
    return objects.get<PersistentVolume>("PersistentVolume", "", claim?.spec.volumeName ?? "");
  }

  async #isFull(volume: PersistentVolume): Promise<boolean> {
    const { instance, nodeName, clock } = this.#context;
    const { name } = volume.metadata;
    const node = { name: nodeName, labels: {}, folder: volumesFolder(instance.root) };
    const folder = ownFolder(node, volume);
    const capacity = volume.spec.capacity?.["storage"];
    const beganMs = clock.monotonic();
    if (folder === undefined || capacity === undefined) return false;
    if (beganMs < (this.#restUntil.get(name) ?? 0)) return false;
    const bytes = await diskUsage(folder);
    const endedMs = clock.monotonic();
    this.#restUntil.set(name, endedMs + restFactor * (endedMs - beganMs));
    return bytes > byteCount(capacity);
  }
}
