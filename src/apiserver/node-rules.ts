/**
 * What the agent of a node may do: read what it runs pods by, and write what is its own. Pure.
 *
 *   nodeRules       by name of resource, as the role system:node and names of its own objects
 *   refuseForNode   by the object: pods of its own, and what these refer to
 *
 * What it writes into them: node-admission.ts.
 * Source: Kubernetes, "Using Node Authorization".
 */
import type { PersistentVolume } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { podReferences, reference } from "../spec/pod-references.ts";
import type { ObjectSource } from "../store/object-source.ts";
import { folderFinalizer, hostnameLabel, nodeOfVolume } from "../volume/local-path.ts";
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
    // The folders of its claims: what it may write into them is no more than that they are gone.
    core(["patch"], ["persistentvolumes"]),
    core(["create"], ["serviceaccounts/token"]),
    core(writing, ["events"]),
    // Who calls its endpoints, and whether they may.
    { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["tokenreviews"] },
    { verbs: ["create"], apiGroups: ["authorization.k8s.io"], resources: ["subjectaccessreviews"] },
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

/** Kinds that a node reads one by one, as its pods name them; of claims there is no watch. */
const referred: Readonly<
  Record<string, { readonly kind: string; readonly verbs: readonly string[] }>
> = {
  configmaps: { kind: "ConfigMap", verbs: reading },
  secrets: { kind: "Secret", verbs: reading },
  persistentvolumeclaims: { kind: "PersistentVolumeClaim", verbs: ["get"] },
  persistentvolumes: { kind: "PersistentVolume", verbs: ["get"] },
};

interface Facts {
  readonly objects: Pick<ObjectSource, "get" | "list">;
  /** Of a list: `metadata.name=x` asks for one object. */
  readonly fieldSelector: string;
  /** `kubernetes.io/hostname=n1` asks for the volumes of a node. */
  readonly labelSelector: string;
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

/** Why a node may not do it; undefined when it may. */
export function refuseForNode(
  node: string,
  deed: ResourceDeed,
  { objects, fieldSelector, labelSelector }: Facts,
): string | undefined {
  const { resource, subresource, namespace, verb } = deed;
  const name = deed.name || (/^metadata\.name=([^,]+)$/.exec(fieldSelector)?.[1] ?? "");
  const unrelated = `no relationship found between node "${node}" and this object`;
  const isReferred = (kind: string, wanted: string | undefined, place = namespace): boolean =>
    objects
      .list<Pod>("Pod", place)
      .items.some(
        (pod) => pod.spec.nodeName === node && podReferences(pod).has(reference(kind, wanted)),
      );
  if (resource === "persistentvolumes" && verb !== "get") {
    if (verb === "patch") return isGivenBack(node, name, objects) ? undefined : unrelated;
    const isOwn = labelSelector === `${hostnameLabel}=${node}`;
    return isOwn ? undefined : `can only list/watch volumes with label ${hostnameLabel}`;
  }
  const target = referred[resource];
  if (target !== undefined && reading.includes(verb)) {
    if (!target.verbs.includes(verb)) return "can only get individual resources of this type";
    if (target.kind !== "PersistentVolume") {
      return isReferred(target.kind, name) ? undefined : unrelated;
    }
    const claim = objects.get<PersistentVolume>(target.kind, "", name)?.spec.claimRef;
    const isOwn = isReferred("PersistentVolumeClaim", claim?.name, claim?.namespace);
    return claim !== undefined && isOwn ? undefined : unrelated;
  }
  if (resource === "serviceaccounts" && subresource === "token") {
    return isReferred("ServiceAccount", name) ? undefined : unrelated;
  }
  if (resource !== "pods" || verb === "create") return undefined;
  if (verb === "list" || verb === "watch") {
    if (fieldSelector.split(",").includes(`spec.nodeName=${node}`)) return undefined;
    return "can only list/watch pods with spec.nodeName field selector";
  }
  const pod = objects.get<Pod>("Pod", namespace, name);
  if (pod === undefined || pod.spec.nodeName === node) return undefined;
  return verb === "get"
    ? unrelated
    : `node "${node}" can only change pods with spec.nodeName set to itself`;
}

/** Whether a volume of the node waits for the end of its folder. */
function isGivenBack(node: string, name: string, objects: Facts["objects"]): boolean {
  const volume = objects.get<PersistentVolume>("PersistentVolume", "", name);
  return (
    volume !== undefined &&
    nodeOfVolume(volume) === node &&
    volume.metadata.finalizers?.includes(folderFinalizer) === true
  );
}
