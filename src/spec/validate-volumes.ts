/** Rules for the volumes of a pod. Source: Kubernetes API reference, core/v1 Volume. */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import { validateClaimSpec } from "./persistent-volume-claim-rules.ts";
import type { Volume } from "./pod.ts";
import type { VolumeSourceName } from "./prepared-volume.ts";
import { quote } from "./quote.ts";
import {
  type Complaint,
  checkAbsolutePath,
  checkDnsLabel,
  checkDnsSubdomain,
} from "./validate-names.ts";
import { validateByteSize } from "./validate-resources.ts";

const SOURCES: readonly VolumeSourceName[] = [
  "configMap",
  "downwardAPI",
  "emptyDir",
  "ephemeral",
  "hostPath",
  "image",
  "persistentVolumeClaim",
  "projected",
  "secret",
];

/** Checks `spec.volumes`. */
export function validateVolumes(volumes: readonly Volume[], report: Report): void {
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const path = itemPath("spec.volumes", index);
    const complaint = checkDnsLabel(volume.name);
    if (complaint !== undefined) {
      report(childPath(path, "name"), complaint);
    } else if (names.has(volume.name)) {
      report(childPath(path, "name"), `must be unique in the pod: got ${quote(volume.name)} again`);
    }
    names.add(volume.name);
    validateSource(volume, path, report);
  }
}

function validateSource(volume: Volume, path: string, report: Report): void {
  const sources = SOURCES.filter((source) => volume[source] !== undefined);
  if (sources.length > 1) {
    report(path, `must have one source: got ${sources.join(" and ")}`);
  }
  const check = (field: string, complaint: Complaint): void => {
    if (complaint !== undefined) report(`${path}.${field}`, complaint);
  };
  const { emptyDir, hostPath, persistentVolumeClaim, ephemeral, image } = volume;
  if (emptyDir) {
    check("emptyDir.medium", checkMedium(emptyDir.medium ?? ""));
    if (emptyDir.sizeLimit !== undefined) {
      validateByteSize(emptyDir.sizeLimit, `${path}.emptyDir.sizeLimit`, report);
    }
  }
  if (hostPath) check("hostPath.path", checkAbsolutePath(hostPath.path));
  if (persistentVolumeClaim) {
    check("persistentVolumeClaim.claimName", checkDnsSubdomain(persistentVolumeClaim.claimName));
  }
  if (ephemeral) {
    const template = ephemeral.volumeClaimTemplate;
    if (template === undefined) check("ephemeral.volumeClaimTemplate", "is required");
    else {
      validateClaimSpec(template.spec, `${path}.ephemeral.volumeClaimTemplate.spec`, report);
    }
  }
  if (image) check("image.reference", checkReference(image.reference ?? ""));
}

/** "", Memory, HugePages, or HugePages- with a page size. */
function checkMedium(medium: string): Complaint {
  return /^(?:|Memory|HugePages(?:-[1-9]\d*(?:Ki|Mi|Gi))?)$/.test(medium)
    ? undefined
    : `must be one of "", "Memory", "HugePages", "HugePages-2Mi", "HugePages-1Gi": got ${quote(medium)}`;
}

function checkReference(reference: string): Complaint {
  if (reference === "") return "must name an image";
  return /[\s\x00-\x1f\x7f]/.test(reference)
    ? `must not contain spaces or control characters: got ${quote(reference)}`
    : undefined;
}
