/**
 * What roles grant to somebody: of ClusterRoleBindings everywhere, of RoleBindings in their namespace. A role that
 * does not exist grants nothing; a ClusterRole with an aggregationRule has the rules of those that this selects, too.
 * Source: Kubernetes, "Using RBAC Authorization".
 */
import type {
  Subject as BoundSubject,
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
} from "../spec/kubernetes.gen.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { Store } from "../store/store.ts";
import type { Rules, Subject } from "./authorize.ts";

export type RoleSource = Pick<Store, "get" | "list">;

/** @param namespace - "" for the cluster. */
export function grantedRules(roles: RoleSource, subject: Subject, namespace: string): Rules {
  const clusterWide = roles
    .list<ClusterRoleBinding>("ClusterRoleBinding")
    .items.filter(({ subjects = [] }) => subjects.some((each) => names(each, subject)))
    .flatMap(({ roleRef }) => rulesOf(roles, roleRef, ""));
  const local =
    namespace === ""
      ? []
      : roles
          .list<RoleBinding>("RoleBinding", namespace)
          .items.filter(({ subjects = [] }) => subjects.some((each) => names(each, subject)))
          .flatMap(({ roleRef }) => rulesOf(roles, roleRef, namespace));
  return {
    resourceRules: [...clusterWide, ...local].flatMap(
      ({ verbs, apiGroups = [], resources = [], resourceNames = [] }) =>
        resources.length === 0
          ? []
          : [{ verbs, apiGroups, resources, ...(resourceNames.length > 0 && { resourceNames }) }],
    ),
    // Paths belong to no namespace.
    nonResourceRules: clusterWide.flatMap(({ verbs, nonResourceURLs = [] }) =>
      nonResourceURLs.length === 0 ? [] : [{ verbs, nonResourceURLs }],
    ),
  };
}

function names({ kind, name, namespace = "" }: BoundSubject, subject: Subject): boolean {
  if (kind === "Group") return subject.groups.includes(name);
  const user = kind === "ServiceAccount" ? `system:serviceaccount:${namespace}:${name}` : name;
  return user === subject.name;
}

function rulesOf(
  roles: RoleSource,
  { kind, name }: RoleRef,
  namespace: string,
): readonly PolicyRule[] {
  if (kind === "Role") return roles.get<Role>("Role", namespace, name)?.rules ?? [];
  const role = roles.get<ClusterRole>("ClusterRole", "", name);
  const selectors = role?.aggregationRule?.clusterRoleSelectors ?? [];
  const parts =
    selectors.length === 0
      ? []
      : roles
          .list<ClusterRole>("ClusterRole")
          .items.filter(
            ({ metadata }) =>
              metadata.name !== name &&
              selectors.some((selector) => matchesLabels(selector, metadata.labels ?? {})),
          );
  return [...(role?.rules ?? []), ...parts.flatMap(({ rules = [] }) => rules)];
}
