/**
 * The provisioner of the class "local-path": every claim gets a folder below the data root.
 *
 *   <root>/volumes/pvc-<uid of the claim>/    0777, as the local-path provisioner of k3s and kind makes it
 *
 * The folder outlives pods, daemons and reboots. It is `local`, not `hostPath`, so fsGroup works. Its size is that of
 * the disk: the capacity is what the claim asked for, and who goes beyond it is told (agent/claim-capacity.ts). Other
 * local-path classes do not even tell.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { hasCode } from "../base/errors.ts";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import { provisionedBy, volumeProtection } from "./claims.ts";

/** Named as in k3s and kind, so that manifests with a class of their own work here too. */
export const localPathProvisioner = "rancher.io/local-path";

/**
 * The built-in classes. "local-path" is the default one; "standard", which kind and minikube have, is the same under
 * another name.
 */
export function builtInClasses(): readonly StorageClass[] {
  return ["local-path", "standard"].map((name) => ({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: {
      name,
      namespace: "",
      uid: "",
      annotations: {
        "storageclass.kubernetes.io/is-default-class": String(name === "local-path"),
      },
    },
    provisioner: localPathProvisioner,
    reclaimPolicy: "Delete",
    volumeBindingMode: "WaitForFirstConsumer",
    allowVolumeExpansion: true,
  }));
}

/** The volume that a claim gets. @param root - the instance's data root */
export function localPathVolume(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  place: { readonly root: string; readonly nodeName: string },
): PersistentVolume {
  const { uid, namespace, name: claimName } = claim.metadata;
  const name = `pvc-${uid}`;
  const { provisioner, reclaimPolicy = "Delete" } = storageClass;
  const hostname = {
    key: "kubernetes.io/hostname",
    operator: "In" as const,
    values: [place.nodeName],
  };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: {
      name,
      namespace: "",
      uid: "",
      annotations: { [provisionedBy]: provisioner },
      finalizers: [volumeProtection],
    },
    spec: {
      capacity: { storage: claim.spec.resources?.requests?.["storage"] ?? "0" },
      accessModes: claim.spec.accessModes ?? [],
      persistentVolumeReclaimPolicy: reclaimPolicy,
      storageClassName: storageClass.metadata.name,
      volumeMode: "Filesystem",
      // From the beginning: no other claim may get it.
      claimRef: {
        apiVersion: "v1",
        kind: "PersistentVolumeClaim",
        namespace,
        name: claimName,
        uid,
      },
      local: { path: volumeFolder(place.root, name) },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } },
    },
  };
}

/** Folder of a provisioned volume. */
export function volumeFolder(root: string, name: string): string {
  return join(root, "volumes", name);
}

/** Makes the folder of a volume; one that exists stays as it is. */
export function createVolumeFolder(root: string, name: string): void {
  mkdirSync(join(root, "volumes"), { recursive: true, mode: 0o700 });
  const folder = volumeFolder(root, name);
  // mkdir's mode is cut by the umask.
  if (mkdirSync(folder, { recursive: true }) !== undefined) chmodSync(folder, 0o777);
}

/**
 * Removes empty folders that no volume has: a daemon that was killed between the folder and the volume left one. What
 * holds data stays, also when its volume was forgotten.
 * @param known - names of volumes
 */
export function removeEmptyOrphans(root: string, known: ReadonlySet<string>): void {
  const folder = join(root, "volumes");
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (known.has(name)) continue;
    try {
      rmdirSync(join(folder, name));
    } catch (error) {
      if (!hasCode(error, "ENOTEMPTY", "EEXIST", "ENOTDIR", "ENOENT")) throw error;
    }
  }
}

/** The folder that goes with the volume; undefined for one that nspod did not make. */
export function ownFolder(root: string, { metadata, spec }: PersistentVolume): string | undefined {
  const folder = volumeFolder(root, metadata.name);
  const isOurs = metadata.annotations?.[provisionedBy] !== undefined && spec.local?.path === folder;
  return isOurs ? folder : undefined;
}
