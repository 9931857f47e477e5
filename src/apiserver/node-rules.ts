/**
 * What the agent of a node may do: read what it runs pods by, and write what is its own. Pure.
 *
 *   nodeRules       by name of resource, as the role system:node and names of its own objects
 *   refuseForNode   by the object: pods of its own, and what these refer to
 *
 * Source: Kubernetes, "Using Node Authorization"; "Admission Control", NodeRestriction.
 */
import type { Pod } from "../spec/pod.ts";
import { podReferences, reference } from "../spec/pod-references.ts";
import { type KubernetesObject, resourceOfKind } from "../spec/resources.ts";
import type { ObjectSource } from "../store/object-source.ts";
import type { Deed, ResourceDeed, ResourceRule, Subject } from "./authorize.ts";
import { nodesGroup, nodeUserPrefix } from "./pki-names.ts";
import { forbidden } from "./problem.ts";

const leaseNamespace = "kube-node-lease";

/** The node that somebody is; undefined: none. */
export function nodeOf({ name, groups }: Subject): string | undefined {
  if (!groups.includes(nodesGroup) || !name.startsWith(nodeUserPrefix)) return undefined;
  return name.slice(nodeUserPrefix.length);
}

const reading = ["get", "list", "watch"];
const writing = ["create", "update", "patch"];

/** Rules in one namespace, "" for the cluster. */
export function nodeRules(node: string, namespace: string): readonly ResourceRule[] {
  const core = (
    verbs: readonly string[],
    resources: readonly string[],
    names?: readonly string[],
  ) => ({
    verbs,
    apiGroups: [""],
    resources,
    ...(names !== undefined && { resourceNames: names }),
  });
  return [
    core(reading, ["nodes", "services", "namespaces", "pods", "persistentvolumes"]),
    core(reading, ["configmaps", "secrets", "persistentvolumeclaims"]),
    { verbs: reading, apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"] },
    { verbs: reading, apiGroups: ["node.k8s.io"], resources: ["runtimeclasses"] },
    core(["create"], ["nodes"]),
    core(["update", "patch"], ["nodes", "nodes/status"], [node]),
    core(["delete"], ["pods"]),
    core(["update", "patch"], ["pods/status"]),
    core(["create"], ["serviceaccounts/token"]),
    core(writing, ["events"]),
    ...(namespace === leaseNamespace ? leaseRules(node) : []),
  ];
}

function leaseRules(node: string): readonly ResourceRule[] {
  const lease = { apiGroups: ["coordination.k8s.io"], resources: ["leases"] };
  return [
    { ...lease, verbs: ["create"] },
    { ...lease, verbs: ["get", "update", "patch"], resourceNames: [node] },
  ];
}

/** Kinds that a node reads one by one, as its pods name them. */
const referred: Readonly<Record<string, string>> = {
  configmaps: "ConfigMap",
  secrets: "Secret",
  persistentvolumeclaims: "PersistentVolumeClaim",
};

interface Facts {
  readonly objects: Pick<ObjectSource, "get" | "list">;
  /** Of a list: `metadata.name=x` asks for one object. */
  readonly fieldSelector: string;
}

/** @throws RequestProblem 403 when a node may not do what the rules allow. */
export function authorizeNode(subject: Subject, deed: Deed, facts: Facts): void {
  const node = nodeOf(subject);
  if (node === undefined || !("resource" in deed)) return;
  const why = refuseForNode(node, deed, facts);
  if (why === undefined) return;
  const { resource, name, verb } = deed;
  throw forbidden(
    `${resource} "${name}" is forbidden: User "${subject.name}" cannot ${verb} resource "${resource}": ${why}`,
  );
}

/** What a node creates is itself and its lease. @throws RequestProblem 403. */
export function admitFromNode(subject: Subject, { kind, metadata }: KubernetesObject): void {
  const node = nodeOf(subject);
  if (node === undefined || !["Node", "Lease"].includes(kind) || metadata.name === node) return;
  const { plural = kind } = resourceOfKind(kind) ?? {};
  throw forbidden(
    `${plural} "${metadata.name}" is forbidden: node "${node}" is not allowed to create ${plural} of other nodes`,
  );
}

/** Why a node may not do it; undefined when it may. */
export function refuseForNode(
  node: string,
  deed: ResourceDeed,
  { objects, fieldSelector }: Facts,
): string | undefined {
  const { resource, subresource, namespace, verb } = deed;
  const name = deed.name || (/^metadata\.name=([^,]+)$/.exec(fieldSelector)?.[1] ?? "");
  const ownPods = (): readonly Pod[] =>
    objects.list<Pod>("Pod", namespace).items.filter(({ spec }) => spec.nodeName === node);
  const kind = referred[resource];
  if (kind !== undefined && reading.includes(verb)) {
    const wanted = reference(kind, name);
    if (ownPods().some((pod) => podReferences(pod).has(wanted))) return undefined;
    return `no relationship found between node "${node}" and this object`;
  }
  if (resource === "serviceaccounts" && subresource === "token") {
    const wanted = reference("ServiceAccount", name);
    if (ownPods().some((pod) => podReferences(pod).has(wanted))) return undefined;
    return `no relationship found between node "${node}" and this object`;
  }
  if (resource === "pods" && verb !== "create" && !reading.includes(verb)) {
    const pod = objects.get<Pod>("Pod", namespace, name);
    if (pod === undefined || pod.spec.nodeName === node) return undefined;
    return `node "${node}" can only change pods with spec.nodeName set to itself`;
  }
  return undefined;
}
