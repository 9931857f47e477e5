/**
 * The roles that every cluster has for people and programs to be bound to: cluster-admin, admin, edit, view. Of other
 * ClusterRoles those join that carry the label of one of the last three. Pure.
 * Source: Kubernetes, "Using RBAC Authorization", "User-facing roles", "Aggregated ClusterRoles".
 */
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from "../spec/kubernetes.gen.ts";
import { groupOf } from "../spec/object-problem.ts";
import { resources } from "../spec/resources.ts";

const apiVersion = "rbac.authorization.k8s.io/v1";
const group = "rbac.authorization.k8s.io";

const reading = ["get", "list", "watch"];
const writing = ["create", "delete", "deletecollection", "patch", "update"];

/** Kinds with names alone in their metadata; the last one is the one to look for. */
export function defaultRoles(): readonly (ClusterRole | ClusterRoleBinding)[] {
  const all: PolicyRule[] = [
    { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
    { verbs: ["*"], nonResourceURLs: ["*"] },
  ];
  const namespaces = { verbs: reading, apiGroups: [""], resources: ["namespaces"] };
  const view = [...rulesOn(reading, ["secrets", "roles", "rolebindings"]), namespaces];
  const edit = [
    ...rulesOn([...reading, ...writing], ["roles", "rolebindings"]),
    namespaces,
    {
      verbs: ["create"],
      apiGroups: [""],
      resources: [
        "pods/attach",
        "pods/eviction",
        "pods/exec",
        "pods/portforward",
        "serviceaccounts/token",
      ],
    },
  ];
  const admin = [
    ...edit,
    { verbs: [...reading, ...writing], apiGroups: [group], resources: ["roles", "rolebindings"] },
    {
      verbs: ["create"],
      apiGroups: ["authorization.k8s.io"],
      resources: ["localsubjectaccessreviews"],
    },
  ];
  return [
    role("cluster-admin", all),
    {
      apiVersion,
      kind: "ClusterRoleBinding",
      metadata: metadataOf("cluster-admin"),
      roleRef: { apiGroup: group, kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ apiGroup: group, kind: "Group", name: "system:masters" }],
    },
    aggregate("admin", admin),
    aggregate("edit", edit),
    aggregate("view", view),
  ];
}

function rulesOn(verbs: readonly string[], except: readonly string[]): readonly PolicyRule[] {
  const own = resources.filter(
    ({ isNamespaced, plural }) => isNamespaced && !except.includes(plural),
  );
  return [...Map.groupBy(own, ({ apiVersion: version }) => groupOf(version))].map(
    ([apiGroup, list]) => ({
      verbs,
      apiGroups: [apiGroup],
      resources: [
        ...list.map(({ plural }) => plural),
        ...(apiGroup === "" ? ["pods/log"] : []),
        "*/scale",
        // What is is for those to say who make it so.
        ...(verbs.includes("update") ? [] : ["*/status"]),
      ],
    }),
  );
}

function metadataOf(name: string): ClusterRole["metadata"] {
  return {
    name,
    namespace: "",
    uid: "",
    labels: { "kubernetes.io/bootstrapping": "rbac-defaults" },
  };
}

function role(name: string, rules: readonly PolicyRule[]): ClusterRole {
  return { apiVersion, kind: "ClusterRole", metadata: metadataOf(name), rules };
}

function aggregate(name: string, rules: readonly PolicyRule[]): ClusterRole {
  const matchLabels = { [`${group}/aggregate-to-${name}`]: "true" };
  return { ...role(name, rules), aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } };
}
