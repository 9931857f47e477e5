// Claims, volumes and classes for tests of storage.
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { claimProtection, volumeProtection } from "../../../src/volume/claims.ts";

/** A claim of 1Gi in the class "fast", as it is stored. */
export function claimOf(
  name: string,
  spec: Partial<PersistentVolumeClaim["spec"]> = {},
  metadata: Partial<PersistentVolumeClaim["metadata"]> = {},
): PersistentVolumeClaim {
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      finalizers: [claimProtection],
      ...metadata,
    },
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      storageClassName: "fast",
      ...spec,
    },
    status: { phase: "Pending" },
  };
}

/** A static volume of 1Gi in the class "fast", as it is stored. */
export function volumeOf(
  name: string,
  spec: Partial<PersistentVolume["spec"]> = {},
  more: Partial<PersistentVolume> = {},
): PersistentVolume {
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name, namespace: "", uid: `uid-${name}`, finalizers: [volumeProtection] },
    spec: {
      accessModes: ["ReadWriteOnce"],
      capacity: { storage: "1Gi" },
      storageClassName: "fast",
      hostPath: { path: "/srv/data" },
      persistentVolumeReclaimPolicy: "Retain",
      ...spec,
    },
    status: { phase: "Available" },
    ...more,
  };
}

export function classOf(name: string, more: Partial<StorageClass> = {}): StorageClass {
  return {
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name, namespace: "", uid: `uid-${name}` },
    provisioner: "rancher.io/local-path",
    volumeBindingMode: "Immediate",
    ...more,
  };
}

/** A pod that uses claims by name. */
export function podWith(name: string, ...claims: readonly string[]): Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid: `uid-${name}` },
    spec: {
      containers: [{ name: "main", image: "busybox" }],
      volumes: claims.map((claimName) => ({
        name: claimName,
        persistentVolumeClaim: { claimName },
      })),
    },
  };
}
