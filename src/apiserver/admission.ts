/**
 * What the server adds to and checks of a new object by looking at others: the admission plugins of Kubernetes that
 * every cluster has. Source: Kubernetes, "Admission Control in Kubernetes".
 */
import type {
  Namespace,
  PersistentVolumeClaim,
  PriorityClass,
  Service,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import { forbidden, notFound } from "../spec/object-problem.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { keepAllocated } from "../spec/service-rules.ts";
import type { Store } from "../store/store.ts";
import { admitPod, keepAdmitted } from "./admit-pod.ts";
import { admitServiceAccount } from "./admit-service-account.ts";
import type { Admission } from "./backend.ts";

/** Namespaces that nothing works without. */
const lastingNamespaces: readonly string[] = ["default", "kube-system", "kube-public"];

const defaultClassAnnotation = "storageclass.kubernetes.io/is-default-class";

/**
 * The object with what the server adds, before defaults and validation.
 * @throws PodError NotFound or PermissionDenied when it may not be created here.
 */
export function admitNew(admission: Admission, object: KubernetesObject): KubernetesObject {
  const { store } = admission;
  admitIntoNamespace(store, object);
  switch (object.kind) {
    case "PersistentVolumeClaim":
      return withDefaultClass(store, object as PersistentVolumeClaim);
    case "Pod":
      return admitPod(store, admitServiceAccount(admission, object as Pod));
    case "PriorityClass":
      admitGlobalDefault(store, object as PriorityClass);
      return object;
    default:
      return object;
  }
}

/** A wish with what the server had added when the object was created. */
export function withAdmitted(wish: KubernetesObject, current: KubernetesObject): KubernetesObject {
  if (wish.kind === "Service") return keepAllocated(wish as Service, current as Service);
  return wish.kind === "Pod" ? keepAdmitted(wish as Pod, current as Pod) : wish;
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

/** Plugin Priority: one class is the default at most. */
function admitGlobalDefault(store: Store, { metadata, globalDefault }: PriorityClass): void {
  if (globalDefault !== true) return;
  const { items } = store.list<PriorityClass>("PriorityClass");
  const other = items.find((item) => item.globalDefault === true);
  if (other === undefined || other.metadata.name === metadata.name) return;
  const why = `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`;
  throw forbidden("PriorityClass", metadata.name, why);
}

/** Plugin PersistentVolumeClaimResize: a claim may grow when its class says so. @throws PodError PermissionDenied. */
export function admitChange(store: Store, next: KubernetesObject, current: KubernetesObject): void {
  if (next.kind === "PriorityClass") admitGlobalDefault(store, next as PriorityClass);
  if (next.kind !== "PersistentVolumeClaim") return;
  const [wanted, known] = [storageOf(next), storageOf(current)];
  if (wanted === known || known === undefined) return;
  const { storageClassName = "" } = (current as PersistentVolumeClaim).spec;
  const storageClass = store.get<StorageClass>("StorageClass", "", storageClassName);
  if (storageClass?.allowVolumeExpansion === true) return;
  throw forbidden(
    next.kind,
    next.metadata.name,
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
  );
}

function storageOf(claim: KubernetesObject): string | undefined {
  return (claim as PersistentVolumeClaim).spec.resources?.requests?.["storage"];
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
