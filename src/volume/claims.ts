/**
 * Claims and volumes: which belong together. Pure.
 *
 * Source: Kubernetes "Persistent Volumes" (binding, reserving, class, access modes, selector).
 */
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import { matchesLabels, matchesNode, type NodeFacts } from "../spec/match-selector.ts";
import type { Pod, Volume } from "../spec/pod.ts";
import { compareQuantities, parseQuantity } from "../spec/quantity.ts";

/** Annotations of Kubernetes that say how far a binding has come. */
export const bindCompleted = "pv.kubernetes.io/bind-completed";
export const boundByController = "pv.kubernetes.io/bound-by-controller";
export const provisionedBy = "pv.kubernetes.io/provisioned-by";
const defaultClass = "storageclass.kubernetes.io/is-default-class";

export const claimProtection = "kubernetes.io/pvc-protection";
export const volumeProtection = "kubernetes.io/pv-protection";

/** The name of the claim behind a pod's volume; undefined for other kinds of volumes. */
export function claimNameOf(pod: Pod, volume: Volume): string | undefined {
  if (volume.persistentVolumeClaim) return volume.persistentVolumeClaim.claimName;
  return volume.ephemeral ? `${pod.metadata.name}-${volume.name}` : undefined;
}

/** `default/data`. */
export function claimKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

/** The claims of a pod that has not ended, as keys. */
export function claimsInUse(pod: Pod): string[] {
  const { phase } = pod.status ?? {};
  if (phase === "Succeeded" || phase === "Failed") return [];
  return (pod.spec.volumes ?? []).flatMap((volume) => {
    const name = claimNameOf(pod, volume);
    return name === undefined ? [] : [claimKey(pod.metadata.namespace, name)];
  });
}

/** Whether a claim has its volume for good. */
export function isBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return !!spec.volumeName && metadata.annotations?.[bindCompleted] !== undefined;
}

/** The class of claims that name none: the newest of those that are marked as default. */
export function defaultClassOf(classes: readonly StorageClass[]): StorageClass | undefined {
  const marked = classes.filter(({ metadata }) => metadata.annotations?.[defaultClass] === "true");
  const age = ({ metadata }: StorageClass): string => metadata.creationTimestamp ?? "";
  return marked.toSorted((a, b) => age(b).localeCompare(age(a)))[0];
}

/** Whether the volume was reserved for the claim, by its author or by a binding that was not finished. */
export function isReservedFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const { claimRef } = volume.spec;
  return (
    claimRef?.name === claim.metadata.name &&
    claimRef.namespace === claim.metadata.namespace &&
    (!claimRef.uid || claimRef.uid === claim.metadata.uid)
  );
}

/** Why a volume that a claim names cannot be its volume; undefined when it can. */
export function mismatch(
  volume: PersistentVolume,
  claim: PersistentVolumeClaim,
): string | undefined {
  const { spec } = claim;
  if ((volume.spec.storageClassName ?? "") !== (spec.storageClassName ?? "")) {
    return "storageClassName does not match";
  }
  if ((volume.spec.volumeMode ?? "Filesystem") !== (spec.volumeMode ?? "Filesystem")) {
    return "incompatible volumeMode";
  }
  if (!isLargeEnough(volume, claim)) return "requested PV is too small";
  if (!hasModes(volume, claim)) return "incompatible accessMode";
  return undefined;
}

/**
 * The volume that a claim gets of those that nobody has: one that was reserved for it, else the smallest that fits.
 * @param nodes - one of them must reach it.
 */
export function findVolume(
  claim: PersistentVolumeClaim,
  volumes: readonly PersistentVolume[],
  nodes: readonly NodeFacts[],
): PersistentVolume | undefined {
  const free = volumes.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const reserved = free.find((volume) => isReservedFor(volume, claim));
  if (reserved !== undefined) return reserved;
  return free
    .filter(
      (volume) =>
        volume.spec.claimRef === undefined &&
        mismatch(volume, claim) === undefined &&
        matchesLabels(claim.spec.selector ?? {}, volume.metadata.labels ?? {}) &&
        nodes.some((node) => isReachable(volume, node)),
    )
    .toSorted(
      (a, b) =>
        compareQuantities(capacityOf(a), capacityOf(b)) ||
        a.metadata.name.localeCompare(b.metadata.name),
    )[0];
}

/** Whether pods of this node can use the volume. */
export function isReachable(volume: PersistentVolume, node: NodeFacts): boolean {
  const required = volume.spec.nodeAffinity?.required;
  return required === undefined || matchesNode(required, node);
}

function capacityOf({ spec }: PersistentVolume) {
  return parseQuantity(spec.capacity?.["storage"] ?? "0");
}

/** Whether a volume has as much as a claim asks for. */
export function isLargeEnough(volume: PersistentVolume, { spec }: PersistentVolumeClaim): boolean {
  const asked = parseQuantity(spec.resources?.requests?.["storage"] ?? "0");
  return compareQuantities(capacityOf(volume), asked) >= 0;
}

function hasModes(volume: PersistentVolume, { spec }: PersistentVolumeClaim): boolean {
  const offered = new Set(volume.spec.accessModes ?? []);
  return (spec.accessModes ?? []).every((mode) => offered.has(mode));
}
