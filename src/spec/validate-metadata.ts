/**
 * Rules for the metadata of an object.
 * Source: Kubernetes API conventions; "Labels and Selectors"; "Annotations" (256 KiB in total).
 */

import { childPath, type Report } from "./field-issue.ts";
import type { ObjectMeta } from "./meta.ts";
import {
  type Complaint,
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabelValue,
  checkQualifiedName,
} from "./validate-names.ts";

const MAX_ANNOTATION_BYTES = 256 * 1024;

/** Checks the metadata of a defaulted object at `metadata`. */
export function validateMetadata(metadata: ObjectMeta, report: Report): void {
  const path = "metadata";
  const check = (field: string, complaint: Complaint): void => {
    if (complaint !== undefined) {
      report(childPath(path, field), complaint);
    }
  };
  if (metadata.name === "" && !metadata.generateName) {
    check("name", "is required: write name or generateName");
  } else if (metadata.name !== "") {
    check("name", checkDnsSubdomain(metadata.name));
  }
  if (metadata.generateName) {
    // The suffix makes a trailing "-" or "." legal.
    check("generateName", checkDnsSubdomain(`${metadata.generateName}x`));
  }
  check("namespace", checkDnsLabel(metadata.namespace));
  validateLabels(metadata.labels ?? {}, report);
  validateAnnotations(metadata.annotations ?? {}, report);
  // Nothing in nspod acts on these two yet, and ignoring them would break what they promise.
  for (const field of ["ownerReferences", "finalizers"] as const) {
    if ((metadata[field] ?? []).length > 0) {
      check(field, "is a Kubernetes field that nspod does not support yet");
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
