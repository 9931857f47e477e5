/**
 * How many pods the owner of a pod asks for: budgets measure shares by it.
 * Source: Kubernetes, "Specifying a Disruption Budget for your Application", "Arbitrary workloads and arbitrary
 * selectors".
 */
import type { OwnerReference } from "../spec/meta.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "./store.ts";

interface Scaled extends KubernetesObject {
  readonly spec?: { readonly replicas?: number };
}

const scaled: ReadonlySet<string> = new Set(["ReplicaSet", "Deployment", "StatefulSet"]);

/** @returns undefined for owners that have no number of replicas, and for those that are gone. */
export function workloadScale(
  store: Store,
  namespace: string,
  { kind, name, uid }: OwnerReference,
): number | undefined {
  if (!scaled.has(kind)) return undefined;
  const found = store.get<Scaled>(kind, namespace, name);
  if (found === undefined || found.metadata.uid !== uid) return undefined;
  // While a Deployment rolls out, it has several sets and one number.
  const parent = found.metadata.ownerReferences?.find(({ controller }) => controller === true);
  const above = parent === undefined ? undefined : workloadScale(store, namespace, parent);
  return above ?? found.spec?.replicas ?? 1;
}
