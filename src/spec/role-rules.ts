/**
 * Roles and their bindings: who may do what. apiserver/granted-rules.ts evaluates them.
 * Source: Kubernetes API reference, rbac.authorization.k8s.io/v1; "Using RBAC Authorization".
 */
import { childPath, itemPath, type Report } from "./field-issue.ts";
import { checkImmutable } from "./first-difference.ts";
import type { KindRules } from "./kind-rules.ts";
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from "./kubernetes.gen.ts";
import { quote } from "./quote.ts";
import { type Complaint, checkDnsSubdomain } from "./validate-names.ts";

const group = "rbac.authorization.k8s.io";

/** As of other objects, and ":" within it: `system:auth-delegator`. */
function checkRoleName(name: string): Complaint {
  const isFramed = name.startsWith(":") || name.endsWith(":");
  return checkDnsSubdomain(isFramed ? name : name.replaceAll(":", "-"));
}

export const roleRules: KindRules<Role> = {
  checkName: checkRoleName,
  validate: ({ rules = [] }, report) => checkRules(rules, true, report),
};

export const clusterRoleRules: KindRules<ClusterRole> = {
  checkName: checkRoleName,
  validate: ({ rules = [] }, report) => checkRules(rules, false, report),
};

export const roleBindingRules: KindRules<RoleBinding> = bindingRules(["ClusterRole", "Role"]);

export const clusterRoleBindingRules: KindRules<ClusterRoleBinding> = bindingRules(["ClusterRole"]);

function checkRules(rules: readonly PolicyRule[], isNamespaced: boolean, report: Report): void {
  rules.forEach((rule, index) => {
    const path = itemPath("rules", index);
    const { verbs, apiGroups = [], resources = [], nonResourceURLs = [] } = rule;
    if (verbs.length === 0) report(childPath(path, "verbs"), "must contain at least one value");
    if (nonResourceURLs.length > 0) {
      const paths = childPath(path, "nonResourceURLs");
      if (isNamespaced) report(paths, "namespaced rules cannot apply to non-resource URLs");
      if (apiGroups.length + resources.length > 0 || rule.resourceNames !== undefined) {
        report(paths, "rules cannot apply to both regular resources and non-resource URLs");
      }
      return;
    }
    if (apiGroups.length === 0) {
      report(childPath(path, "apiGroups"), "resource rules must supply at least one api group");
    }
    if (resources.length === 0) {
      report(childPath(path, "resources"), "resource rules must supply at least one resource");
    }
  });
}

type Binding = RoleBinding | ClusterRoleBinding;

function bindingRules<T extends Binding>(kinds: readonly string[]): KindRules<T> {
  return {
    checkName: checkRoleName,
    fill: (binding) => ({
      ...binding,
      roleRef: { ...binding.roleRef, apiGroup: binding.roleRef.apiGroup || group },
      ...(binding.subjects && { subjects: binding.subjects.map(fillSubject) }),
    }),
    validate: ({ roleRef, subjects = [] }, report) => {
      checkRef(roleRef, kinds, report);
      subjects.forEach((subject, index) => {
        checkSubject(subject, itemPath("subjects", index), report);
      });
    },
    validateUpdate: (next, current, report) =>
      checkImmutable(next.roleRef, current.roleRef, "roleRef", report, "cannot change roleRef"),
  };
}

function fillSubject(subject: Subject): Subject {
  const apiGroup = subject.kind === "ServiceAccount" ? "" : group;
  return subject.apiGroup === undefined ? { ...subject, apiGroup } : subject;
}

function checkRef(
  { apiGroup, kind, name }: RoleRef,
  kinds: readonly string[],
  report: Report,
): void {
  if (apiGroup !== group) {
    report("roleRef.apiGroup", `must be ${quote(group)}: got ${quote(apiGroup ?? "")}`);
  }
  if (!kinds.includes(kind)) {
    const allowed = kinds.map((each) => quote(each)).join(", ");
    report("roleRef.kind", `must be one of ${allowed}: got ${quote(kind)}`);
  }
  const complaint = name === "" ? "is required" : checkRoleName(name);
  if (complaint !== undefined) report("roleRef.name", complaint);
}

const subjectGroups: Readonly<Record<string, string>> = {
  ServiceAccount: "",
  User: group,
  Group: group,
};

function checkSubject(subject: Subject, path: string, report: Report): void {
  const { kind, name, namespace = "", apiGroup = "" } = subject;
  if (name === "") report(childPath(path, "name"), "is required");
  const wanted = subjectGroups[kind];
  if (wanted === undefined) {
    const allowed = Object.keys(subjectGroups)
      .map((each) => quote(each))
      .join(", ");
    report(childPath(path, "kind"), `must be one of ${allowed}: got ${quote(kind)}`);
  } else if (apiGroup !== wanted) {
    report(childPath(path, "apiGroup"), `must be ${quote(wanted)}: got ${quote(apiGroup)}`);
  }
  if (kind === "ServiceAccount" && namespace === "") {
    report(childPath(path, "namespace"), "is required");
  }
}
