/**
 * PersistentVolumeClaim: what may be asked for, and that only the size of a claim may grow later.
 * Source: Kubernetes API reference, core/v1 PersistentVolumeClaim; "Persistent Volumes".
 */

import { childPath, type Report } from "./field-issue.ts";
import { firstDifference } from "./first-difference.ts";
import type { KindRules } from "./kind-rules.ts";
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "./kubernetes.gen.ts";
import { canonicalQuantity, compareQuantities, parseQuantity } from "./quantity.ts";
import { validateLabelSelector } from "./validate-label-selector.ts";
import { type Complaint, checkDnsSubdomain } from "./validate-names.ts";

export const persistentVolumeClaimRules: KindRules<PersistentVolumeClaim> = {
  hasStatus: true,
  fill: (claim) => ({ ...claim, spec: fillClaimSpec(claim.spec) }),
  begin: (claim) => ({ ...claim, status: { phase: "Pending" } }),
  validate: ({ spec }, report) => validateClaimSpec(spec, "spec", report),
  validateUpdate: validateChange,
};

/** Defaults of a claim, also of the template in an ephemeral volume. */
export function fillClaimSpec(spec: PersistentVolumeClaimSpec): PersistentVolumeClaimSpec {
  const { resources } = spec;
  return {
    ...spec,
    ...(resources !== undefined && {
      resources: {
        ...(resources.limits && { limits: canonicalAmounts(resources.limits) }),
        ...(resources.requests && { requests: canonicalAmounts(resources.requests) }),
      },
    }),
    volumeMode: spec.volumeMode ?? "Filesystem",
  };
}

/** Quantities in the form that the API shows. */
export function canonicalAmounts(
  amounts: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(amounts).map(([name, amount]) => [name, canonicalQuantity(amount)]),
  );
}

/** Rules of a claim at `path`, also of the template in an ephemeral volume. */
export function validateClaimSpec(
  spec: PersistentVolumeClaimSpec,
  path: string,
  report: Report,
): void {
  const at = (field: string): string => childPath(path, field);
  const check = (field: string, complaint: Complaint): void => {
    if (complaint !== undefined) report(at(field), complaint);
  };
  const modes = spec.accessModes ?? [];
  if (modes.length === 0) check("accessModes", "at least 1 access mode is required");
  if (modes.length > 1 && modes.includes("ReadWriteOncePod")) {
    check("accessModes", "may not use ReadWriteOncePod with other access modes");
  }
  if (spec.selector !== undefined) validateLabelSelector(spec.selector, at("selector"), report);
  const storage = spec.resources?.requests?.["storage"];
  const storagePath = `${at("resources")}.requests.storage`;
  if (storage === undefined) report(storagePath, "is required");
  else if (parseQuantity(storage).nano <= 0n) {
    report(storagePath, `must be greater than zero: got "${storage}"`);
  }
  if (spec.storageClassName) check("storageClassName", checkDnsSubdomain(spec.storageClassName));
  if (spec.volumeName) check("volumeName", checkDnsSubdomain(spec.volumeName));
}

function validateChange(
  next: PersistentVolumeClaim,
  current: PersistentVolumeClaim,
  report: Report,
): void {
  const wanted = next.spec.resources?.requests?.["storage"];
  const known = current.spec.resources?.requests?.["storage"];
  const isBound = current.status?.phase === "Bound";
  const changed = firstDifference(fixedPart(current, isBound), fixedPart(next, isBound), "spec");
  if (changed !== undefined) {
    report(
      changed,
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
    );
  }
  if (wanted === undefined || known === undefined) return;
  if (compareQuantities(parseQuantity(wanted), parseQuantity(known)) < 0) {
    report(
      "spec.resources.requests.storage",
      `field can not be less than previous value: got "${wanted}", was "${known}"`,
    );
  }
}

function fixedPart({ spec }: PersistentVolumeClaim, isBound: boolean): object {
  const { volumeAttributesClassName, resources, ...rest } = spec;
  return isBound ? { ...rest, limits: resources?.limits } : spec;
}
