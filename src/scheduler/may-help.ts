/**
 * Whether something that happened may help a pod that fits nowhere. Pure. Source: Kubernetes scheduler, queueing hints.
 */
import type { Pod } from "../spec/pod.ts";
import type { Cluster, NodeState } from "./cluster.ts";
import { refusalOf } from "./place-pod.ts";

/** What happened: a node came or changed, a pod did, or something that volumes and affinities are decided by. */
export type Happening =
  /** Absent: it is gone. */
  | { readonly kind: "Node"; readonly node?: NodeState | undefined }
  | { readonly kind: "other" }
  /** Absent: it was not there, or it has ended. */
  | { readonly kind: "Pod"; readonly before?: Pod | undefined; readonly after?: Pod | undefined };

/**
 * @param pod - waits, and knows why.
 * @param cluster - as it is now.
 */
export function mayHelp(happening: Happening, pod: Pod, cluster: Cluster): boolean {
  if ((pod.spec.schedulingGates ?? []).length > 0) return false;
  if (happening.kind === "Node") {
    const { node } = happening;
    const mayTakeIt = node !== undefined && refusalOf(pod, node, cluster)?.isLasting !== true;
    return mayTakeIt || looksAtOthers(pod);
  }
  if (happening.kind === "other") return hasVolumes(pod) || looksAtOthers(pod);
  const { before, after } = happening;
  // A pod that waits occupies nothing.
  const [was, is] = [before?.spec.nodeName, after?.spec.nodeName].map(Boolean);
  if (was && !is) return true;
  if (!was && !is) return false;
  const isEnding = after?.metadata.deletionTimestamp !== undefined;
  // Who comes, and who is on the way out, occupies as much as before or more.
  if (!was || (isEnding && before?.metadata.deletionTimestamp === undefined)) {
    return looksAtOthers(pod);
  }
  return true;
}

function hasVolumes({ spec }: Pod): boolean {
  return (spec.volumes ?? []).length > 0;
}

/** Whether it matters to the pod what other pods are called. */
function looksAtOthers({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const spread = spec.topologySpreadConstraints ?? [];
  return podAffinity !== undefined || podAntiAffinity !== undefined || spread.length > 0;
}
