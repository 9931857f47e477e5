/**
 * Whose an object is: the owner that says it controls it, or whoever finds it by its labels and adopts it.
 * Source: Kubernetes, "Owners and Dependents"; API conventions, "controllerRef".
 */
import type { LabelSelector } from "../spec/kubernetes.gen.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { ObjectMeta, OwnerReference } from "../spec/meta.ts";
import type { KubernetesObject } from "../spec/resources.ts";

/** What a controller's objects have in common. */
export interface Owner extends KubernetesObject {
  readonly spec: { readonly selector: LabelSelector };
}

/** What is to be done so that an owner has what its selector finds. */
export interface Claims<T> {
  readonly owned: readonly T[];
  /** Found by the selector, and nobody's. */
  readonly adopted: readonly T[];
  /** The owner's, and found by the selector no more. */
  readonly released: readonly T[];
}

export function controllerOf({ metadata }: KubernetesObject): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true);
}

export function controllerReference({
  apiVersion,
  kind,
  metadata,
}: KubernetesObject): OwnerReference {
  const { name, uid } = metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** Sorts the candidates of an owner. Pure; an owner that is being deleted adopts nothing. */
export function claim<T extends KubernetesObject>(
  { metadata, spec }: Owner,
  candidates: readonly T[],
): Claims<T> {
  const owned: T[] = [];
  const adopted: T[] = [];
  const released: T[] = [];
  const isEnding = metadata.deletionTimestamp !== undefined;
  for (const candidate of candidates) {
    const controller = controllerOf(candidate);
    const isFound = matchesLabels(spec.selector, candidate.metadata.labels ?? {});
    if (controller?.uid === metadata.uid) {
      if (isFound) owned.push(candidate);
      else if (!isEnding) released.push(candidate);
    } else if (controller === undefined && isFound && !isEnding) {
      if (candidate.metadata.deletionTimestamp === undefined) adopted.push(candidate);
    }
  }
  return { owned, adopted, released };
}

export function withOwner(metadata: ObjectMeta, owner: KubernetesObject): ObjectMeta {
  const references = metadata.ownerReferences ?? [];
  return { ...metadata, ownerReferences: [...references, controllerReference(owner)] };
}

export function withoutOwner(metadata: ObjectMeta, owner: KubernetesObject): ObjectMeta {
  const { ownerReferences = [], ...rest } = metadata;
  const kept = ownerReferences.filter(({ uid }) => uid !== owner.metadata.uid);
  return kept.length === 0 ? rest : { ...rest, ownerReferences: kept };
}
