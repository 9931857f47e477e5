/**
 * Kinds that Kubernetes has, so that "not supported yet" can be told from a typing mistake.
 * Source: Kubernetes API reference, 1.34 (stable groups).
 */

import { childPath, type Report } from "./field-issue.ts";
import { quote } from "./quote.ts";
import { isObject } from "./schema.ts";
import { suggestion } from "./suggest.ts";

/** Kind → its API groups' current versions. */
const KNOWN_KINDS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    v1: `Pod List PodList ConfigMap Secret Service ServiceAccount Namespace Node Event Endpoints LimitRange
      PersistentVolume PersistentVolumeClaim PodTemplate ReplicationController ResourceQuota Binding`,
    "apps/v1": "Deployment StatefulSet DaemonSet ReplicaSet ControllerRevision",
    "batch/v1": "Job CronJob",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "networking.k8s.io/v1": "Ingress IngressClass NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "rbac.authorization.k8s.io/v1": "Role RoleBinding ClusterRole ClusterRoleBinding",
    "storage.k8s.io/v1": "StorageClass VolumeAttachment CSIDriver CSINode CSIStorageCapacity",
    "scheduling.k8s.io/v1": "PriorityClass",
    "node.k8s.io/v1": "RuntimeClass",
    "coordination.k8s.io/v1": "Lease",
    "discovery.k8s.io/v1": "EndpointSlice",
    "apiextensions.k8s.io/v1": "CustomResourceDefinition",
    "admissionregistration.k8s.io/v1":
      "MutatingWebhookConfiguration ValidatingWebhookConfiguration ValidatingAdmissionPolicy",
  }).flatMap(([apiVersion, kinds]) =>
    kinds.split(/\s+/).map((kind) => [kind, apiVersion] as const),
  ),
);

/** What a manifest may hold today. */
export type SupportedKind = "Pod" | "List" | "PodList";

const SUPPORTED: readonly SupportedKind[] = ["Pod", "List", "PodList"];

/**
 * Reads `apiVersion` and `kind` of a decoded document.
 * @returns undefined after a complaint when the object is none that nspod takes
 */
export function readKind(value: unknown, path: string, report: Report): SupportedKind | undefined {
  if (!isObject(value)) {
    report(path, "must be an object with apiVersion, kind, metadata and spec");
    return undefined;
  }
  const { apiVersion, kind } = value;
  const kindPath = childPath(path, "kind");
  if (typeof kind !== "string" || kind === "") {
    report(kindPath, 'is required: write "Pod"');
    return undefined;
  }
  const supported = SUPPORTED.find((name) => name === kind);
  const knownVersion = KNOWN_KINDS.get(kind);
  if (supported === undefined) {
    report(
      kindPath,
      knownVersion === undefined
        ? () => `unknown kind ${quote(kind)}${suggestion(kind, KNOWN_KINDS.keys())}`
        : `${kind} is a Kubernetes kind that nspod does not support yet`,
    );
    return undefined;
  }
  if (apiVersion !== "v1") {
    const got = typeof apiVersion === "string" ? `: got ${quote(apiVersion)}` : "";
    report(childPath(path, "apiVersion"), `must be "v1" for kind ${kind}${got}`);
    return undefined;
  }
  return supported;
}
