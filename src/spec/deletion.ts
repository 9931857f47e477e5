/**
 * What the request to delete an object does to it: it goes at once, or is marked and goes when everybody who has
 * something left to do (`finalizers`, the node for a pod) is done.
 * Source: Kubernetes, "Finalizers", "Garbage Collection", "Termination of Pods".
 */

import { toTime } from "../base/clock.ts";
import type { Namespace } from "./kubernetes.gen.ts";
import type { Pod } from "./pod.ts";
import type { KubernetesObject } from "./resources.ts";

/** What happens to the objects that name this one as their owner. */
export type PropagationPolicy = "Background" | "Foreground" | "Orphan";

export interface DeletionWish {
  /** 0..; absent: the object's own. Only pods have one. */
  readonly gracePeriodSeconds?: number;
  /** Default: Background. */
  readonly propagationPolicy?: PropagationPolicy;
  readonly nowMs: number;
}

/** The finalizers that carry a policy until the dependents are dealt with. */
export const policyFinalizers: Readonly<Record<Exclude<PropagationPolicy, "Background">, string>> =
  { Foreground: "foregroundDeletion", Orphan: "orphan" };

/** The object as it is after the request; undefined when nothing holds it and it can go at once. */
export function markDeleted<T extends KubernetesObject>(
  object: T,
  wish: DeletionWish,
): T | undefined {
  const { propagationPolicy = "Background" } = wish;
  const finalizers = [...(object.metadata.finalizers ?? [])];
  if (propagationPolicy !== "Background") {
    const finalizer = policyFinalizers[propagationPolicy];
    if (!finalizers.includes(finalizer)) finalizers.push(finalizer);
  }
  const graceSeconds = graceOf(object, wish.gracePeriodSeconds);
  const { deletionTimestamp, deletionGracePeriodSeconds: known, generation } = object.metadata;
  // A second deletion may only shorten the grace period.
  const isSooner = deletionTimestamp === undefined || (known ?? 0) > graceSeconds;
  const marked: T = {
    ...object,
    metadata: {
      ...object.metadata,
      ...(finalizers.length > 0 && { finalizers }),
      ...(isSooner && {
        deletionTimestamp: toTime(wish.nowMs + 1000 * graceSeconds),
        deletionGracePeriodSeconds: graceSeconds,
      }),
      ...(deletionTimestamp === undefined && generation && { generation: generation + 1 }),
    },
  };
  return isHeld(marked) ? terminating(marked) : undefined;
}

/** Whether something is left to do before a marked object may go. The node holds a pod until it is stopped. */
export function isHeld(object: KubernetesObject): boolean {
  if ((object.metadata.finalizers ?? []).length > 0) return true;
  if (object.kind === "Pod") return isBound(object as Pod);
  return object.kind === "Namespace" && ((object as Namespace).spec?.finalizers ?? []).length > 0;
}

function terminating<T extends KubernetesObject>(object: T): T {
  return object.kind === "Namespace" ? { ...object, status: { phase: "Terminating" } } : object;
}

/** No node has anything of a pod that is not bound to one. */
function isBound({ spec }: Pod): boolean {
  return !!spec.nodeName;
}

/** A pod that has finished, or never had a node, needs no time. */
function graceOf(object: KubernetesObject, wanted: number | undefined): number {
  if (object.kind !== "Pod") return 0;
  const { spec, status } = object as Pod;
  const isFinished = status?.phase === "Succeeded" || status?.phase === "Failed";
  return isFinished || !isBound(object as Pod)
    ? 0
    : (wanted ?? spec.terminationGracePeriodSeconds ?? 30);
}
