/**
 * What the server adds to and checks of a new object by looking at others: the admission plugins of Kubernetes that
 * every cluster has. Source: Kubernetes, "Admission Control in Kubernetes".
 */
import type { Namespace, PersistentVolumeClaim, StorageClass } from "../spec/kubernetes.gen.ts";
import { forbidden, notFound } from "../spec/object-problem.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";

/** Namespaces that nothing works without. */
const lastingNamespaces: readonly string[] = ["default", "kube-system", "kube-public"];

const defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class";

/**
 * The object with what the server adds, before defaults and validation.
 * @throws PodError NotFound or PermissionDenied when it may not be created here.
 */
export function admitNew(store: Store, object: KubernetesObject): KubernetesObject {
  admitIntoNamespace(store, object);
  if (object.kind === "PersistentVolumeClaim") {
    return withDefaultClass(store, object as PersistentVolumeClaim);
  }
  return object;
}

/** @throws PodError PermissionDenied. */
export function admitDeletion({ kind, metadata }: KubernetesObject): void {
  const { name } = metadata;
  if (kind === "Namespace" && lastingNamespaces.includes(name)) {
    throw forbidden(kind, name, "this namespace may not be deleted");
  }
  if (kind === "PriorityClass" && name.startsWith("system-")) {
    throw forbidden(kind, name, "this is a system priority class and cannot be deleted");
  }
}

/** Plugin NamespaceLifecycle. */
function admitIntoNamespace(store: Store, { kind, metadata }: KubernetesObject): void {
  if (metadata.namespace === "") return;
  const namespace = store.get<Namespace>("Namespace", "", metadata.namespace);
  if (namespace === undefined) throw notFound("Namespace", metadata.namespace);
  if (namespace.metadata.deletionTimestamp === undefined) return;
  throw forbidden(
    kind,
    metadata.name,
    `unable to create new content in namespace ${metadata.namespace} because it is being terminated`,
  );
}

/** Plugin DefaultStorageClass: the newest class that says it is the default. "" asks for none. */
function withDefaultClass(store: Store, claim: PersistentVolumeClaim): PersistentVolumeClaim {
  if (claim.spec.storageClassName !== undefined) return claim;
  const [newest] = store
    .list<StorageClass>("StorageClass")
    .items.filter(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === "true")
    .sort((a, b) => age(b).localeCompare(age(a)) || a.metadata.name.localeCompare(b.metadata.name));
  if (newest === undefined) return claim;
  return { ...claim, spec: { ...claim.spec, storageClassName: newest.metadata.name } };
}

function age({ metadata }: StorageClass): string {
  return metadata.creationTimestamp ?? "";
}
