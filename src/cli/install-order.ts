/** The order in which objects are created, so that what others refer to comes first; deletion goes backwards. Pure. */
import type { KubernetesObject } from "../spec/resources.ts";

/** The order of Helm's InstallOrder for the kinds that are served; others come after these. */
const order: readonly string[] = [
  "Namespace",
  "PriorityClass",
  "RuntimeClass",
  "StorageClass",
  "PersistentVolume",
  "ServiceAccount",
  "Secret",
  "ConfigMap",
  "PersistentVolumeClaim",
  "ClusterRole",
  "ClusterRoleBinding",
  "Role",
  "RoleBinding",
  "DaemonSet",
  "Pod",
  "ReplicaSet",
  "Deployment",
  "StatefulSet",
];

/** Sorted by kind; objects of one kind keep their order. */
export function inInstallOrder<T extends KubernetesObject>(objects: readonly T[]): readonly T[] {
  const rank = ({ kind }: T): number => {
    const index = order.indexOf(kind);
    return index === -1 ? order.length : index;
  };
  return [...objects].sort((a, b) => rank(a) - rank(b));
}
