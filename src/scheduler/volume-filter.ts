/**
 * Volumes of claims: a bound one may be on certain nodes only, and one that is to be bound yet must come to be there.
 * Pure. Source: Kubernetes, "Volume Binding Mode", plugin VolumeBinding.
 */
import { type Filter, lasting } from "./cluster.ts";

export const reachesVolumes: Filter = (pod, { node }, { volumeConflict }) => {
  const conflict = volumeConflict?.(pod, node);
  return conflict === undefined ? undefined : lasting(conflict);
};
