/**
 * The objects that every cluster begins with: four namespaces, the service account "default" in each namespace, the
 * priorities of the system, and roles. Made when they are missing; cheap when they are there.
 * Source: Kubernetes, "Namespaces", "Service Accounts", "Pod Priority and Preemption".
 */
import { newIdentity } from "../base/ids.ts";
import { defaultObject, rulesOf } from "../spec/admit.ts";
import type { Namespace, PriorityClass, ServiceAccount } from "../spec/kubernetes.gen.ts";
import type { ObjectMeta } from "../spec/meta.ts";
import { SYSTEM_PRIORITIES } from "../spec/priority-class-rules.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";
import { defaultRoles } from "./default-roles.ts";

const namespaces = ["default", "kube-node-lease", "kube-public", "kube-system"];

/** Makes what is missing; one look when nothing is. */
export function ensureFirstObjects(store: Store, nowMs: number): void {
  // Made last: when it is there, all are.
  if (store.get("ClusterRole", "", "view") !== undefined) return;
  for (const name of namespaces) {
    const namespace = ensureObject<Namespace>(store, {
      apiVersion: "v1",
      kind: "Namespace",
      metadata: newMeta("", name, nowMs),
    });
    ensureServiceAccount(store, namespace, nowMs);
  }
  for (const [name, value] of Object.entries(SYSTEM_PRIORITIES)) {
    ensureObject<PriorityClass>(store, {
      apiVersion: "scheduling.k8s.io/v1",
      kind: "PriorityClass",
      metadata: { ...newMeta("", name, nowMs), generation: 1 },
      value,
      description: `Used for system critical pods that must ${name.includes("node") ? "not be moved from their current node" : "run in the cluster, but can be moved to another node if necessary"}.`,
    });
  }
  for (const role of defaultRoles()) {
    const { name, labels = {} } = role.metadata;
    ensureObject(store, { ...role, metadata: { ...newMeta("", name, nowMs), labels } });
  }
}

/** The account of pods that name none. @param namespace - not being deleted. */
export function ensureServiceAccount(
  store: Store,
  { metadata }: KubernetesObject,
  nowMs: number,
): void {
  ensureObject<ServiceAccount>(store, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: newMeta(metadata.name, "default", nowMs),
  });
}

function ensureObject<T extends KubernetesObject>(store: Store, wish: T): T {
  const { kind, metadata } = wish;
  const known = store.get<T>(kind, metadata.namespace, metadata.name);
  if (known !== undefined) return known;
  const object = defaultObject(wish, { randomSuffix: () => "" });
  // `begin` gives the kind that it gets.
  const first = (rulesOf(kind).begin?.(object) as T | undefined) ?? object;
  return store.create(first, { durable: false });
}

function newMeta(namespace: string, name: string, nowMs: number): ObjectMeta {
  return { name, namespace, ...newIdentity(nowMs) };
}
