/**
 * Rules for the metadata of an object.
 * Source: Kubernetes API conventions; "Labels and Selectors"; "Annotations" (256 KiB in total).
 */

import { childPath, itemPath, type Report } from "./field-issue.ts";
import type { ObjectMeta, OwnerReference } from "./meta.ts";
import {
  type Complaint,
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabelValue,
  checkQualifiedName,
} from "./validate-names.ts";

const MAX_ANNOTATION_BYTES = 256 * 1024;

/** How the metadata of a kind differs from that of most. */
export interface MetadataRules {
  /** Default: true. */
  readonly isNamespaced?: boolean;
  /** Default: a DNS subdomain. */
  readonly checkName?: (name: string) => Complaint;
}

/** Checks the metadata of a defaulted object at `metadata`. */
export function validateMetadata(
  metadata: ObjectMeta,
  report: Report,
  { isNamespaced = true, checkName = checkDnsSubdomain }: MetadataRules = {},
): void {
  const path = "metadata";
  const check = (field: string, complaint: Complaint): void => {
    if (complaint !== undefined) {
      report(childPath(path, field), complaint);
    }
  };
  if (metadata.name === "" && !metadata.generateName) {
    check("name", "is required: write name or generateName");
  } else if (metadata.name !== "") {
    check("name", checkName(metadata.name));
  }
  if (metadata.generateName) {
    // The suffix makes a trailing "-" or "." legal.
    check("generateName", checkName(`${metadata.generateName}x`));
  }
  if (isNamespaced) {
    check("namespace", checkDnsLabel(metadata.namespace));
  } else if (metadata.namespace !== "") {
    check("namespace", "is not allowed on this kind: its objects belong to the whole cluster");
  }
  validateLabels(metadata.labels ?? {}, report);
  validateAnnotations(metadata.annotations ?? {}, report);
  validateOwners(metadata.ownerReferences ?? [], report);
  for (const [index, finalizer] of (metadata.finalizers ?? []).entries()) {
    const complaint = checkFinalizer(finalizer);
    if (complaint !== undefined) report(itemPath("metadata.finalizers", index), complaint);
  }
}

/** Finalizers of Kubernetes itself, which have no domain. */
const STANDARD_FINALIZERS: readonly string[] = ["kubernetes", "orphan", "foregroundDeletion"];

function checkFinalizer(name: string): Complaint {
  if (STANDARD_FINALIZERS.includes(name)) return undefined;
  return (
    checkQualifiedName(name) ??
    (name.includes("/") ? undefined : `must have a domain, like "example.com/${name}"`)
  );
}

function validateOwners(owners: readonly OwnerReference[], report: Report): void {
  let controller: number | undefined;
  for (const [index, owner] of owners.entries()) {
    const path = itemPath("metadata.ownerReferences", index);
    for (const field of ["apiVersion", "kind", "name", "uid"] as const) {
      if (owner[field] === "") report(childPath(path, field), "must not be empty");
    }
    if (owner.kind === "Event") report(childPath(path, "kind"), "must not be Event");
    if (owner.controller !== true) continue;
    if (controller === undefined) controller = index;
    else {
      const other = `metadata.ownerReferences[${controller}]`;
      report(childPath(path, "controller"), `must be true for one owner only: ${other} has it`);
    }
  }
}

function validateLabels(labels: Readonly<Record<string, string>>, report: Report): void {
  for (const [key, value] of Object.entries(labels)) {
    const path = childPath("metadata.labels", key);
    const keyComplaint = checkQualifiedName(key);
    if (keyComplaint !== undefined) {
      report(path, `key ${keyComplaint}`, "key");
    }
    const complaint = checkLabelValue(value);
    if (complaint !== undefined) {
      report(path, complaint);
    }
  }
}

function validateAnnotations(annotations: Readonly<Record<string, string>>, report: Report): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
    const complaint = checkQualifiedName(key.toLowerCase());
    if (complaint !== undefined) {
      report(childPath("metadata.annotations", key), `key ${complaint}`, "key");
    }
  }
  if (bytes > MAX_ANNOTATION_BYTES) {
    report(
      "metadata.annotations",
      `must be at most ${MAX_ANNOTATION_BYTES} bytes in total: got ${bytes}`,
    );
  }
}
