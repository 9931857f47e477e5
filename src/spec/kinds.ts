/**
 * Which kind an object says it is: one that nspod serves (`resources.ts`), a list, or one that Kubernetes has, so
 * that "not supported yet" can be told from a typing mistake.
 * Source: Kubernetes API reference, 1.34 (stable groups).
 */

import { childPath, type Report } from "./field-issue.ts";
import { quote } from "./quote.ts";
import { type Resource, resourceOfKind, resources } from "./resources.ts";
import { isObject } from "./schema.ts";
import { suggestion } from "./suggest.ts";

/** Kinds that Kubernetes has besides those of `resources.ts`. */
const FURTHER_KINDS: readonly string[] = `
  Endpoints LimitRange PodTemplate ReplicationController ResourceQuota Binding
  Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision Job CronJob HorizontalPodAutoscaler
  Ingress IngressClass NetworkPolicy PodDisruptionBudget
  VolumeAttachment VolumeAttributesClass CSIDriver CSINode CSIStorageCapacity
  CustomResourceDefinition MutatingWebhookConfiguration ValidatingWebhookConfiguration ValidatingAdmissionPolicy
  CertificateSigningRequest APIService FlowSchema PriorityLevelConfiguration ResourceClaim DeviceClass
`
  .trim()
  .split(/\s+/);

/** An object of a resource, or several in `items`. */
export type DocumentKind =
  | { readonly resource: Resource }
  /** Of items of any kind (`kind: List`), or of one. */
  | { readonly listOf: Resource | "any" };

/**
 * Reads `apiVersion` and `kind` of a parsed document.
 * @returns undefined after a complaint when the object is none that nspod takes
 */
export function readKind(value: unknown, path: string, report: Report): DocumentKind | undefined {
  if (!isObject(value)) {
    report(path, "must be an object with apiVersion, kind, metadata and spec");
    return undefined;
  }
  const { apiVersion, kind } = value;
  const kindPath = childPath(path, "kind");
  if (typeof kind !== "string" || kind === "") {
    report(kindPath, 'is required: write "Pod" or another kind');
    return undefined;
  }
  const found = documentKind(kind);
  if (found === undefined) {
    report(kindPath, () => unknownKind(kind));
    return undefined;
  }
  const version = versionOf(found);
  if (apiVersion !== version) {
    const got = typeof apiVersion === "string" ? `: got ${quote(apiVersion)}` : "";
    report(childPath(path, "apiVersion"), `must be "${version}" for kind ${kind}${got}`);
    return undefined;
  }
  return found;
}

function documentKind(kind: string): DocumentKind | undefined {
  const resource = resourceOfKind(kind);
  if (resource !== undefined) return { resource };
  if (kind === "List") return { listOf: "any" };
  const listOf = kind.endsWith("List") ? resourceOfKind(kind.slice(0, -4)) : undefined;
  return listOf === undefined ? undefined : { listOf };
}

function versionOf(found: DocumentKind): string {
  if ("resource" in found) return found.resource.apiVersion;
  return found.listOf === "any" ? "v1" : found.listOf.apiVersion;
}

function unknownKind(kind: string): string {
  const known = [...resources.map((resource) => resource.kind), "List", ...FURTHER_KINDS];
  return known.includes(kind.replace(/List$/, ""))
    ? `${kind} is a Kubernetes kind that nspod does not support yet`
    : `unknown kind ${quote(kind)}${suggestion(kind, known)}`;
}
