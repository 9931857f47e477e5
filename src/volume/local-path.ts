/**
 * The provisioner of the class "local-path": every claim gets a folder below the data root of the node of its first pod.
 *
 *   <root>/volumes/pvc-<uid of the claim>/    0777, as the local-path provisioner of k3s and kind makes it
 *
 * A node says on its Node where it makes them. Where that is another machine, its agent makes the folder when the first
 * pod needs it, and takes it away when the volume has the finalizer that asks for it (agent/node-volumes.ts).
 *
 * The folder outlives pods, daemons and reboots. It is `local`, not `hostPath`, so fsGroup works. Its size is that of
 * the disk: the capacity is what the claim asked for, and who goes beyond it is told (agent/claim-capacity.ts). Other
 * local-path classes do not even tell.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, rmdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { hasCode } from "../base/errors.ts";
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import type { NodeFacts } from "../spec/match-selector.ts";
import { provisionedBy, volumeProtection } from "./claims.ts";

/** Named as in k3s and kind, so that manifests with a class of their own work here too. */
export const localPathProvisioner = "rancher.io/local-path";

/** Annotation of a Node: the folder below which it makes those of claims, absolute. */
export const volumesAnnotation = "nspod/volumes";

/** On a volume that is being deleted: its node has its folder yet, and takes it away. */
export const folderFinalizer = "nspod/volume-folder";

/** Which node has a volume, as a label: agents follow those of their own. */
export const hostnameLabel = "kubernetes.io/hostname";

/** A node as the provisioner sees it. */
export interface StorageNode extends NodeFacts {
  /** Where it makes the folders of claims; absent: it makes none. */
  readonly folder?: string;
}

export function storageNode({ metadata }: Node): StorageNode {
  const { name, labels = {}, annotations = {} } = metadata;
  const folder = annotations[volumesAnnotation];
  return { name, labels, ...(folder?.startsWith("/") && { folder }) };
}

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

/** The volume that a claim gets. @param node - makes folders for claims */
export function localPathVolume(
  claim: PersistentVolumeClaim,
  storageClass: StorageClass,
  node: Required<Pick<StorageNode, "name" | "folder">>,
): PersistentVolume {
  const { uid, namespace, name: claimName } = claim.metadata;
  const name = `pvc-${uid}`;
  const { provisioner, reclaimPolicy = "Delete" } = storageClass;
  const hostname = { key: hostnameLabel, operator: "In" as const, values: [node.name] };
  return {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: {
      name,
      namespace: "",
      uid: "",
      labels: { [hostnameLabel]: node.name },
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
      local: { path: join(node.folder, name) },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } },
    },
  };
}

/** Where an instance makes the folders of claims. */
export function volumesFolder(root: string): string {
  return join(root, "volumes");
}

/** Makes the folder of a volume; one that exists stays as it is. @param path - below `volumesFolder` */
export function createVolumeFolder(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  // mkdir's mode is cut by the umask.
  if (mkdirSync(path, { recursive: true }) !== undefined) chmodSync(path, 0o777);
}

/**
 * Removes empty folders that no volume has: a daemon that was killed between the folder and the volume left one. What
 * holds data stays, also when its volume was forgotten.
 * @param known - names of volumes
 */
export function removeEmptyOrphans(root: string, known: ReadonlySet<string>): void {
  const folder = volumesFolder(root);
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    if (known.has(name)) continue;
    try {
      rmdirSync(join(folder, name));
    } catch (error) {
      if (!hasCode(error, "ENOTEMPTY", "EEXIST", "ENOTDIR", "ENOENT")) throw error;
    }
  }
}

/** The folder that goes with the volume; undefined for one that this node did not make. */
export function ownFolder(node: StorageNode, volume: PersistentVolume): string | undefined {
  const { metadata, spec } = volume;
  if (node.folder === undefined || nodeOfVolume(volume) !== node.name) return undefined;
  const path = join(node.folder, metadata.name);
  const isOurs = metadata.annotations?.[provisionedBy] !== undefined && spec.local?.path === path;
  return isOurs ? path : undefined;
}

/** The node that a provisioned volume was made for; undefined: it can be on several. */
export function nodeOfVolume({ spec }: PersistentVolume): string | undefined {
  const { nodeSelectorTerms = [] } = spec.nodeAffinity?.required ?? {};
  const requirements = nodeSelectorTerms.length === 1 ? nodeSelectorTerms[0]?.matchExpressions : [];
  const hostname = requirements?.find(({ key }) => key === hostnameLabel);
  const { operator, values = [] } = hostname ?? {};
  return operator === "In" && values.length === 1 ? values[0] : undefined;
}
