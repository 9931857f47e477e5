/** downwardAPI: fields and resources of the pod as files (pkg/volume/downwardapi). */
import { PodError } from "../base/errors.ts";
import { fieldValue } from "../spec/field-path.ts";
import type { DownwardAPIVolumeFile } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { resourceValue } from "../spec/resource-field.ts";
import { nodeAllocatable } from "./node-allocatable.ts";
import { checkedPath, type VolumeFile } from "./volume-file.ts";
import type { VolumeHost } from "./volume-kind.ts";

/** @throws PodError NotFound for a container that the pod does not have */
export function downwardFiles(
  host: VolumeHost,
  pod: Pod,
  items: readonly DownwardAPIVolumeFile[],
  defaultMode: number,
): VolumeFile[] {
  return items.map((item) => ({
    path: checkedPath(item.path),
    content: Buffer.from(itemValue(host, pod, item)),
    mode: item.mode ?? defaultMode,
  }));
}

function itemValue(
  host: VolumeHost,
  pod: Pod,
  { fieldRef, resourceFieldRef }: DownwardAPIVolumeFile,
): string {
  if (fieldRef) {
    // A file cannot name what only a running pod has: the paths of addresses are refused at the door.
    const facts = { nodeName: host.nodeName, hostIPs: [], podIPs: [] };
    return fieldValue(pod, fieldRef.fieldPath, facts);
  }
  if (resourceFieldRef === undefined) return "";
  const { containerName = "" } = resourceFieldRef;
  const all = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const container = all.find(({ name }) => name === containerName);
  if (container === undefined) {
    throw new PodError("NotFound", `container ${containerName} not found`);
  }
  return resourceValue(resourceFieldRef, pod, container, nodeAllocatable(host));
}
