/**
 * Why a pod with a claim cannot go to a node: its volume is elsewhere, or could not come to be there. Pure; the phrases
 * are the scheduler's. Source: Kubernetes, "Volume Binding Mode", plugin VolumeBinding.
 */
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import { defaultClassOf, findVolume, isBound, isReachable } from "./claims.ts";
import { localPathProvisioner, type StorageNode } from "./local-path.ts";

const elsewhere = "node(s) had volume node affinity conflict";
const nothingToBind = "node(s) didn't find available persistent volumes to bind";

/** @returns undefined when the node will do, or when it is no matter of nodes that the claim has no volume. */
export function claimConflict(
  claim: PersistentVolumeClaim,
  node: StorageNode,
  storage: {
    readonly volumes: readonly PersistentVolume[];
    readonly classes: readonly StorageClass[];
  },
): string | undefined {
  const { volumes, classes } = storage;
  const { volumeName, storageClassName, selector } = claim.spec;
  const conflictWith = (volume: PersistentVolume): string | undefined =>
    isReachable(volume, node) ? undefined : elsewhere;
  const named = volumes.find(({ metadata }) => metadata.name === volumeName);
  if (named !== undefined) return conflictWith(named);
  if (isBound(claim)) return elsewhere;
  const storageClass =
    storageClassName === undefined
      ? defaultClassOf(classes)
      : classes.find(({ metadata }) => metadata.name === storageClassName);
  // Bound at once or never, wherever the pod goes.
  if (volumeName || storageClass?.volumeBindingMode !== "WaitForFirstConsumer") return undefined;
  const found = findVolume(claim, volumes, [node]);
  if (found !== undefined) return conflictWith(found);
  const isMade = storageClass.provisioner === localPathProvisioner && selector === undefined;
  return isMade && node.folder !== undefined ? undefined : nothingToBind;
}
