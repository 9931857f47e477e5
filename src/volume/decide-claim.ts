/**
 * What to do next for a claim and for a persistent volume: pure functions of what is stored. The binder performs the
 * answer; it may be killed anywhere and asks again.
 *
 *   claim    Pending ──bind, or provision and bind──▶ Bound ──its volume is gone──▶ Lost
 *   volume   Available ──▶ Bound ──claim is gone──▶ Released ──policy──▶ removed (Delete) · kept (Retain) · Failed
 *
 * Source: Kubernetes "Persistent Volumes"; texts of pkg/controller/volume/persistentvolume.
 */
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import {
  claimKey,
  claimProtection,
  defaultClassOf,
  findVolume,
  isBound,
  isLargeEnough,
  isReservedFor,
  mismatch,
  volumeProtection,
} from "./claims.ts";
import type { StorageNode } from "./local-path.ts";

export interface StorageState {
  readonly volumes: readonly PersistentVolume[];
  readonly classes: readonly StorageClass[];
  readonly nodes: readonly StorageNode[];
  /** The node that volumes are made on for claims that wait for no pod. */
  readonly ownNode: StorageNode;
  /** Provisioners that nodes have. */
  readonly provisioners: ReadonlySet<string>;
  /** Whether a pod that has not ended has the claim; by key. */
  readonly isUsed: (key: string) => boolean;
  /** Where a pod waits for a claim, by the claim's uid. */
  readonly awaited: ReadonlyMap<string, StorageNode>;
  readonly hasPod: (uid: string) => boolean;
  readonly claim: (namespace: string, name: string) => PersistentVolumeClaim | undefined;
}

export interface StorageEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export type ClaimStep =
  | { readonly kind: "none" }
  /** It waits; the event says for what. */
  | { readonly kind: "wait"; readonly event?: StorageEvent }
  /** Its finalizer, class or phase is missing: store it like this. */
  | { readonly kind: "complete"; readonly claim: PersistentVolumeClaim }
  | { readonly kind: "bind"; readonly volume: PersistentVolume }
  | {
      readonly kind: "provision";
      readonly storageClass: StorageClass;
      readonly node: Required<StorageNode>;
    }
  /** It asks for more than its volume has. */
  | { readonly kind: "grow"; readonly volume: PersistentVolume }
  | { readonly kind: "lose" }
  /** The pod that it was made for is gone. */
  | { readonly kind: "delete" }
  /** It was deleted and nobody uses it. */
  | { readonly kind: "remove" };

export function decideClaim(claim: PersistentVolumeClaim, state: StorageState): ClaimStep {
  const { metadata, spec } = claim;
  if (metadata.deletionTimestamp !== undefined) {
    const isUsed = state.isUsed(claimKey(metadata.namespace, metadata.name));
    return isUsed ? { kind: "none" } : { kind: "remove" };
  }
  const owner = metadata.ownerReferences?.find(({ kind }) => kind === "Pod");
  if (owner !== undefined && !state.hasPod(owner.uid)) return { kind: "delete" };
  const complete = completeClaim(claim, state.classes);
  if (complete !== claim) return { kind: "complete", claim: complete };
  if (isBound(claim)) return decideBound(claim, state);
  return spec.volumeName ? decideNamed(claim, spec.volumeName, state) : decideUnbound(claim, state);
}

/** What the API server's admission gives a claim, and the class of a claim that was stored before there was one. */
function completeClaim(
  claim: PersistentVolumeClaim,
  classes: readonly StorageClass[],
): PersistentVolumeClaim {
  const { metadata, spec, status } = claim;
  const finalizers = metadata.finalizers ?? [];
  const storageClassName = spec.storageClassName ?? defaultClassOf(classes)?.metadata.name;
  const isComplete =
    finalizers.includes(claimProtection) &&
    status?.phase !== undefined &&
    storageClassName === spec.storageClassName;
  if (isComplete) return claim;
  return {
    ...claim,
    metadata: {
      ...metadata,
      finalizers: [...finalizers.filter((name) => name !== claimProtection), claimProtection],
    },
    spec: {
      ...spec,
      ...(storageClassName === undefined ? {} : { storageClassName }),
    },
    status: { phase: "Pending", ...status },
  };
}

function decideBound(claim: PersistentVolumeClaim, state: StorageState): ClaimStep {
  const volume = volumeNamed(claim.spec.volumeName ?? "", state);
  if (volume !== undefined && isReservedFor(volume, claim)) {
    const isAllowed =
      state.classes.find(({ metadata }) => metadata.name === claim.spec.storageClassName)
        ?.allowVolumeExpansion === true;
    return isLargeEnough(volume, claim) || !isAllowed ? { kind: "none" } : { kind: "grow", volume };
  }
  return claim.status?.phase === "Lost" ? { kind: "none" } : { kind: "lose" };
}

function decideNamed(claim: PersistentVolumeClaim, name: string, state: StorageState): ClaimStep {
  const volume = volumeNamed(name, state);
  // Its author may create the volume after the claim.
  if (volume === undefined) return { kind: "wait" };
  if (volume.spec.claimRef !== undefined && !isReservedFor(volume, claim)) {
    return wait("Warning", "FailedBinding", `volume "${name}" already bound to a different claim.`);
  }
  const why = mismatch(volume, claim);
  if (why === undefined) return { kind: "bind", volume };
  const message = `Cannot bind to requested volume "${name}": ${why}`;
  return wait("Warning", "VolumeMismatch", message);
}

function decideUnbound(claim: PersistentVolumeClaim, state: StorageState): ClaimStep {
  const name = claim.spec.storageClassName ?? "";
  const storageClass = state.classes.find(({ metadata }) => metadata.name === name);
  const reserved = state.volumes.find((volume) => isReservedFor(volume, claim));
  const isDelayed = storageClass?.volumeBindingMode === "WaitForFirstConsumer";
  const chosen = state.awaited.get(claim.metadata.uid);
  if (isDelayed && reserved === undefined && chosen === undefined) {
    const message = "waiting for first consumer to be created before binding";
    return wait("Normal", "WaitForFirstConsumer", message);
  }
  const nodes = isDelayed && chosen !== undefined ? [chosen] : state.nodes;
  const volume = findVolume(claim, state.volumes, nodes);
  if (volume !== undefined) return { kind: "bind", volume };
  if (name === "") {
    const message = "no persistent volumes available for this claim and no storage class is set";
    return wait("Normal", "FailedBinding", message);
  }
  if (storageClass === undefined) {
    const message = `storageclass.storage.k8s.io "${name}" not found`;
    return wait("Warning", "ProvisioningFailed", message);
  }
  const node = (isDelayed ? chosen : undefined) ?? state.ownNode;
  return decideProvisioning(claim, { storageClass, node, provisioners: state.provisioners });
}

function decideProvisioning(
  claim: PersistentVolumeClaim,
  wish: {
    readonly storageClass: StorageClass;
    readonly node: StorageNode;
    readonly provisioners: ReadonlySet<string>;
  },
): ClaimStep {
  const { storageClass, node, provisioners } = wish;
  const { provisioner } = storageClass;
  if (provisioner === "kubernetes.io/no-provisioner") {
    const message = `storageclass "${storageClass.metadata.name}" has no provisioner: create a PersistentVolume of this class`;
    return wait("Normal", "FailedBinding", message);
  }
  if (!provisioners.has(provisioner)) {
    const message = `Waiting for a volume to be created either by the external provisioner '${provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`;
    return wait("Normal", "ExternalProvisioning", message);
  }
  if (claim.spec.selector !== undefined) {
    const message = `failed to provision volume with StorageClass "${storageClass.metadata.name}": claim.Spec.Selector is not supported`;
    return wait("Warning", "ProvisioningFailed", message);
  }
  const { name, labels, folder } = node;
  if (folder === undefined) {
    const message = `failed to provision volume with StorageClass "${storageClass.metadata.name}": node "${name}" makes no folders for claims`;
    return wait("Warning", "ProvisioningFailed", message);
  }
  return { kind: "provision", storageClass, node: { name, labels, folder } };
}

function wait(type: StorageEvent["type"], reason: string, message: string): ClaimStep {
  return { kind: "wait", event: { type, reason, message } };
}

function volumeNamed(name: string, { volumes }: StorageState): PersistentVolume | undefined {
  return volumes.find(({ metadata }) => metadata.name === name);
}

export type VolumePhase = "Available" | "Bound" | "Released";

export type VolumeStep =
  | { readonly kind: "none" }
  /** Its finalizer or phase is not as it should be. */
  | { readonly kind: "update"; readonly phase: VolumePhase }
  /** Its claim is gone, and policy says Delete. */
  | { readonly kind: "reclaim" }
  /** It was deleted and no claim has it. */
  | { readonly kind: "remove" };

export function decideVolume(volume: PersistentVolume, state: StorageState): VolumeStep {
  const { metadata, spec, status } = volume;
  const phase = phaseOf(volume, state);
  const isDeleted = metadata.deletionTimestamp !== undefined;
  if (phase !== "Bound" && spec.persistentVolumeReclaimPolicy === "Delete") {
    // A volume that was never bound has data of nobody: Kubernetes deletes it only when asked to.
    const isDue = phase === "Released" || isDeleted;
    if (isDue && status?.phase !== "Failed") return { kind: "reclaim" };
  }
  const isProtected = metadata.finalizers?.includes(volumeProtection) === true;
  if (isDeleted) return phase === "Bound" || !isProtected ? { kind: "none" } : { kind: "remove" };
  if (status?.phase === "Failed" && phase === "Released") return { kind: "none" };
  return isProtected && status?.phase === phase ? { kind: "none" } : { kind: "update", phase };
}

function phaseOf({ metadata, spec }: PersistentVolume, state: StorageState): VolumePhase {
  const { claimRef } = spec;
  if (!claimRef?.uid) return "Available";
  const claim = state.claim(claimRef.namespace ?? "", claimRef.name ?? "");
  if (claim?.metadata.uid !== claimRef.uid) return "Released";
  const other = claim.spec.volumeName;
  return other === undefined || other === metadata.name ? "Bound" : "Released";
}
