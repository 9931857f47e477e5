/**
 * PersistentVolume: one source, which stays what it is.
 * Source: Kubernetes API reference, core/v1 PersistentVolume; "Persistent Volumes".
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import { checkImmutable } from "./first-difference.ts";
import type { KindRules } from "./kind-rules.ts";
import type { PersistentVolume, PersistentVolumeSpec } from "./kubernetes.gen.ts";
import { canonicalAmounts } from "./persistent-volume-claim-rules.ts";
import { parseQuantity } from "./quantity.ts";
import { checkAbsolutePath, checkDnsSubdomain } from "./validate-names.ts";

/** Every field of the spec that says where the bytes are. */
const SOURCES = [
  "awsElasticBlockStore",
  "azureDisk",
  "azureFile",
  "cephfs",
  "cinder",
  "csi",
  "fc",
  "flexVolume",
  "flocker",
  "gcePersistentDisk",
  "glusterfs",
  "hostPath",
  "iscsi",
  "local",
  "nfs",
  "photonPersistentDisk",
  "portworxVolume",
  "quobyte",
  "rbd",
  "scaleIO",
  "storageos",
  "vsphereVolume",
] as const satisfies readonly (keyof PersistentVolumeSpec)[];

export const persistentVolumeRules: KindRules<PersistentVolume> = {
  hasStatus: true,
  fill: (volume) => ({ ...volume, spec: fillSpec(volume.spec) }),
  begin: (volume) => ({ ...volume, status: { phase: "Pending" } }),
  validate: validateVolume,
  validateUpdate(next, current, report) {
    for (const source of SOURCES) {
      checkImmutable(
        next.spec[source],
        current.spec[source],
        childPath("spec", source),
        report,
        "spec.persistentvolumesource is immutable after creation",
      );
    }
    checkImmutable(next.spec.volumeMode, current.spec.volumeMode, "spec.volumeMode", report);
    if (current.spec.nodeAffinity !== undefined) {
      const path = "spec.nodeAffinity";
      checkImmutable(next.spec.nodeAffinity, current.spec.nodeAffinity, path, report);
    }
  },
};

function fillSpec(spec: PersistentVolumeSpec): PersistentVolumeSpec {
  const { capacity, hostPath } = spec;
  return {
    ...spec,
    ...(capacity && { capacity: canonicalAmounts(capacity) }),
    ...(hostPath && { hostPath: { ...hostPath, type: hostPath.type ?? "" } }),
    persistentVolumeReclaimPolicy: spec.persistentVolumeReclaimPolicy ?? "Retain",
    volumeMode: spec.volumeMode ?? "Filesystem",
  };
}

function validateVolume({ spec }: PersistentVolume, report: Report): void {
  const { accessModes = [], capacity = {}, storageClassName } = spec;
  if (accessModes.length === 0) report("spec.accessModes", "at least 1 access mode is required");
  if (accessModes.length > 1 && accessModes.includes("ReadWriteOncePod")) {
    report("spec.accessModes", "may not use ReadWriteOncePod with other access modes");
  }
  const storage = capacity["storage"];
  if (storage === undefined) report("spec.capacity.storage", "is required");
  else if (parseQuantity(storage).nano <= 0n) {
    report("spec.capacity.storage", `must be greater than zero: got "${storage}"`);
  }
  for (const name of Object.keys(capacity)) {
    if (name !== "storage") report(childPath("spec.capacity", name), 'must be "storage"', "key");
  }
  if (storageClassName) {
    const complaint = checkDnsSubdomain(storageClassName);
    if (complaint !== undefined) report("spec.storageClassName", complaint);
  }
  validateSource(spec, report);
}

function validateSource(spec: PersistentVolumeSpec, report: Report): void {
  const [first, ...others] = SOURCES.filter((source) => spec[source] !== undefined);
  if (first === undefined) {
    report("spec", "must specify a volume type: hostPath or local");
    return;
  }
  for (const other of others) {
    report(childPath("spec", other), `may not specify more than 1 volume type: there is ${first}`);
  }
  for (const source of ["hostPath", "local"] as const) {
    const path = spec[source]?.path;
    const complaint = path === undefined ? undefined : checkAbsolutePath(path);
    if (complaint !== undefined) report(`spec.${source}.path`, complaint);
  }
  if (spec.hostPath?.path === "/" && spec.persistentVolumeReclaimPolicy === "Recycle") {
    report("spec.persistentVolumeReclaimPolicy", 'may not be "Recycle" for a hostPath of "/"');
  }
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms;
  if (spec.local !== undefined && (terms === undefined || terms.length === 0)) {
    report("spec.nodeAffinity", "is required: local volume requires node affinity");
  }
  for (const [index, term] of (terms ?? []).entries()) {
    if ((term.matchExpressions ?? []).length > 0 || (term.matchFields ?? []).length > 0) continue;
    const path = itemPath("spec.nodeAffinity.required.nodeSelectorTerms", index);
    report(path, "must have matchExpressions or matchFields: a term without any matches no node");
  }
}
