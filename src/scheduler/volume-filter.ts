/**
 * Volumes of claims: a bound one may be on certain nodes only, and one that is to be bound yet is made where the control
 * plane is. Pure. Source: Kubernetes, "Volume Binding Mode", plugin VolumeBinding; the phrase is the scheduler's.
 */
import { type Filter, lasting } from "./cluster.ts";

export const reachesVolumes: Filter = (pod, { node }, { reachesVolumes: reaches }) =>
  (reaches?.(pod, node) ?? true) ? undefined : lasting("node(s) had volume node affinity conflict");
