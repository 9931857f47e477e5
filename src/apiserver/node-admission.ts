/**
 * What the agent of a node may write into the objects that it may write: itself and its lease, without what leads
 * pods to it or away from it. Pure.
 * Source: Kubernetes, "Admission Control", NodeRestriction; "Assigning Pods to Nodes", node isolation.
 */
import { firstDifference } from "../spec/first-difference.ts";
import type { Node } from "../spec/kubernetes.gen.ts";
import type { ObjectMeta } from "../spec/meta.ts";
import type { Pod } from "../spec/pod.ts";
import { type KubernetesObject, resourceOfKind } from "../spec/resources.ts";
import { folderFinalizer } from "../volume/local-path.ts";
import type { Subject } from "./authorize.ts";
import { nodeOf } from "./node-rules.ts";
import { forbidden } from "./problem.ts";

/** Labels of Kubernetes' own domains that a node says of itself. */
const ownLabels: ReadonlySet<string> = new Set([
  "beta.kubernetes.io/arch",
  "beta.kubernetes.io/instance-type",
  "beta.kubernetes.io/os",
  "failure-domain.beta.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "kubernetes.io/arch",
  "kubernetes.io/hostname",
  "kubernetes.io/os",
  "topology.kubernetes.io/region",
  "topology.kubernetes.io/zone",
]);

/** Domains of labels, with all below them. */
const ownDomains = ["kubelet.kubernetes.io", "node.kubernetes.io"];
const keptDomains = ["kubernetes.io", "k8s.io"];

/** What a node creates is itself and its lease. @throws RequestProblem 403. */
export function admitFromNode(subject: Subject, object: KubernetesObject): void {
  const node = nodeOf(subject);
  const { kind, metadata } = object;
  if (node === undefined || !["Node", "Lease"].includes(kind)) return;
  const { plural = kind } = resourceOfKind(kind) ?? {};
  if (metadata.name !== node) {
    throw refuse(node, object, `create ${plural} of other nodes`);
  }
  if (kind !== "Node") return;
  if (metadata.ownerReferences?.length) throw refuse(node, object, "set ownerReferences");
  // Traffic to pods follows it: Kubernetes trusts nodes with it, and here it is the control plane's to give.
  const { podCIDR, podCIDRs } = (object as Node).spec ?? {};
  if (podCIDR || podCIDRs?.length) throw refuse(node, object, "set podCIDR");
  const labels = Object.keys(metadata.labels ?? {}).filter(isKept);
  if (labels.length > 0) {
    throw refuse(node, object, `set the following labels: ${labels.sort().join(", ")}`);
  }
}

/** Of the whole object or its status: a node, or a volume whose folder is gone. @throws RequestProblem 403. */
export function admitChangeFromNode(
  subject: Subject,
  next: KubernetesObject,
  current: KubernetesObject,
): void {
  const node = nodeOf(subject);
  if (node === undefined) return;
  if (next.kind === "PersistentVolume" && !isOnlyGivenBack(next, current)) {
    throw refuse(node, next, `change more than the finalizer ${folderFinalizer}`);
  }
  if (next.kind !== "Node") return;
  if (next.metadata.name !== node) {
    throw refuse(node, next, `modify node "${next.metadata.name}"`);
  }
  // Objects of the kind are nodes.
  const [after, before] = [(next as Node).spec, (current as Node).spec];
  if (!isSame(after?.taints ?? [], before?.taints ?? [])) throw refuse(node, next, "modify taints");
  if (!isSame(next.metadata.ownerReferences ?? [], current.metadata.ownerReferences ?? [])) {
    throw refuse(node, next, "modify ownerReferences");
  }
  const [labels, known] = [next.metadata.labels ?? {}, current.metadata.labels ?? {}];
  const changed = [...new Set([...Object.keys(labels), ...Object.keys(known)])].filter(
    (key) => labels[key] !== known[key] && isKept(key),
  );
  if (changed.length > 0) {
    throw refuse(node, next, `modify labels: ${changed.sort().join(", ")}`);
  }
}

/**
 * A node has tokens for its pods, which end with them.
 * @param pod - the pod that the token is bound to, if it is.
 * @throws RequestProblem 403.
 */
export function admitTokenForNode(subject: Subject, account: string, pod: Pod | undefined): void {
  const node = nodeOf(subject);
  if (node === undefined || pod?.spec.nodeName === node) return;
  const why =
    pod === undefined
      ? `node "${node}" requested token not bound to a pod`
      : `node "${node}" requested token bound to a pod scheduled on a different node`;
  throw forbidden(`serviceaccounts "${account}" is forbidden: ${why}`);
}

function isSame(a: unknown, b: unknown): boolean {
  return firstDifference([a], [b], "") === undefined;
}

/** Whether the finalizer that asks for the end of the folder is all that has gone. */
function isOnlyGivenBack(next: KubernetesObject, current: KubernetesObject): boolean {
  const finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== folderFinalizer);
  const wanted = { ...current, metadata: { ...current.metadata, finalizers } };
  return isSame(withoutManagers(next), withoutManagers(wanted));
}

function withoutManagers({ metadata, ...rest }: KubernetesObject): object {
  const { managedFields: _, ...facts } = metadata as ObjectMeta & {
    readonly managedFields?: unknown;
  };
  return { ...rest, metadata: facts };
}

/** Whether only administrators say it of a node. */
function isKept(label: string): boolean {
  const [domain = "", name] = label.split("/");
  if (name === undefined || ownLabels.has(label)) return false;
  return isBelow(domain, keptDomains) && !isBelow(domain, ownDomains);
}

function isBelow(domain: string, domains: readonly string[]): boolean {
  return domains.some((each) => domain === each || domain.endsWith(`.${each}`));
}

function refuse(node: string, { kind, metadata }: KubernetesObject, what: string): Error {
  const { plural = kind } = resourceOfKind(kind) ?? {};
  return forbidden(
    `${plural} "${metadata.name}" is forbidden: node "${node}" is not allowed to ${what}`,
  );
}
