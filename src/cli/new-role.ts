/** Roles and bindings as `create` makes them. Pure. Source: Kubernetes, "Using RBAC Authorization"; kubectl create role. */
import { PodError } from "../base/errors.ts";
import { groupOf } from "../spec/object-problem.ts";
import { resourceOfWord } from "../spec/resources.ts";
import { equalities, type NewObject } from "./new-object.ts";

const group = "rbac.authorization.k8s.io";
const apiVersion = `${group}/v1`;

export interface RoleOptions {
  /** Each `get,list`. */
  readonly verb?: readonly string[];
  /** Each `pods,deployments.apps/scale`. */
  readonly resource?: readonly string[];
  readonly resourceName?: readonly string[];
}

export interface ClusterRoleOptions extends RoleOptions {
  readonly nonResourceUrl?: readonly string[];
  readonly aggregationRule?: string;
}

interface Rule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

/** @throws PodError InvalidArgument. */
export function newRole(name: string, options: RoleOptions): NewObject {
  const resources = words(options.resource);
  if (resources.length === 0) throw missing("--resource");
  return { apiVersion, kind: "Role", metadata: { name }, rules: rulesOf(options, resources) };
}

/** @throws PodError InvalidArgument. */
export function newClusterRole(name: string, options: ClusterRoleOptions): NewObject {
  const { aggregationRule } = options;
  const resources = words(options.resource);
  const nonResourceURLs = words(options.nonResourceUrl);
  const made = { apiVersion, kind: "ClusterRole", metadata: { name } };
  if (aggregationRule !== undefined) {
    if (resources.length + nonResourceURLs.length + words(options.verb).length > 0) {
      throw new PodError(
        "InvalidArgument",
        "--aggregation-rule cannot be combined with --verb, --resource and --non-resource-url",
      );
    }
    const matchLabels = equalities(aggregationRule, "--aggregation-rule");
    return { ...made, aggregationRule: { clusterRoleSelectors: [{ matchLabels }] } };
  }
  if (resources.length + nonResourceURLs.length === 0) {
    throw missing("--resource or --non-resource-url");
  }
  const rules = rulesOf(options, resources);
  const paths = { verbs: verbsOf(options), nonResourceURLs };
  return { ...made, rules: nonResourceURLs.length === 0 ? rules : [...rules, paths] };
}

/** One rule for each group, as kubectl makes them. */
function rulesOf(options: RoleOptions, resources: readonly string[]): readonly Rule[] {
  const verbs = verbsOf(options);
  const names = options.resourceName ?? [];
  if (names.length > 0 && resources.length !== 1) {
    throw new PodError("InvalidArgument", "--resource-name needs one --resource alone");
  }
  const byGroup = Map.groupBy(resources.map(grouped), ({ apiGroup }) => apiGroup);
  return [...byGroup].map(([apiGroup, members]) => ({
    verbs,
    apiGroups: [apiGroup],
    resources: [...new Set(members.map(({ resource }) => resource))],
    ...(names.length > 0 && { resourceNames: names }),
  }));
}

function verbsOf({ verb }: RoleOptions): readonly string[] {
  const verbs = [...new Set(words(verb))];
  if (verbs.length === 0) throw missing("--verb");
  return verbs.includes("*") ? ["*"] : verbs;
}

/** `deployments.apps/scale`: the group may be said, what is below a resource may be, too. */
function grouped(text: string): { readonly apiGroup: string; readonly resource: string } {
  if (text === "*") return { apiGroup: "*", resource: "*" };
  const [whole = "", ...below] = text.split("/");
  const [word = "", ...ends] = whole.split(".");
  const found = resourceOfWord(word);
  const apiGroup = found && groupOf(found.apiVersion);
  if (found === undefined || (ends.length > 0 && ends.join(".") !== apiGroup)) {
    throw new PodError("InvalidArgument", `--resource: there is no resource type "${whole}"`);
  }
  return { apiGroup: apiGroup ?? "", resource: [found.plural, ...below].join("/") };
}

export interface BindingOptions {
  readonly clusterrole?: string;
  /** Of bindings in a namespace. */
  readonly role?: string;
  readonly user?: readonly string[];
  readonly group?: readonly string[];
  /** Each NAMESPACE:NAME. */
  readonly serviceaccount?: readonly string[];
}

/** @throws PodError InvalidArgument. */
export function newBinding(
  kind: "RoleBinding" | "ClusterRoleBinding",
  name: string,
  options: BindingOptions,
): NewObject {
  const { clusterrole, role, user = [], group: groups = [], serviceaccount = [] } = options;
  const granted = clusterrole ?? role;
  if (granted === undefined || (clusterrole !== undefined && role !== undefined)) {
    const which = kind === "RoleBinding" ? "one of --clusterrole and --role" : "--clusterrole";
    throw missing(which);
  }
  const accounts = serviceaccount.map((text) => {
    const [namespace = "", account = "", ...rest] = text.split(":");
    if (namespace !== "" && account !== "" && rest.length === 0) {
      return { kind: "ServiceAccount", name: account, namespace };
    }
    throw new PodError(
      "InvalidArgument",
      `--serviceaccount: must be NAMESPACE:NAME: got "${text}"`,
    );
  });
  return {
    apiVersion,
    kind,
    metadata: { name },
    subjects: [
      ...user.map((each) => ({ kind: "User", apiGroup: group, name: each })),
      ...groups.map((each) => ({ kind: "Group", apiGroup: group, name: each })),
      ...accounts,
    ],
    roleRef: {
      apiGroup: group,
      kind: clusterrole === undefined ? "Role" : "ClusterRole",
      name: granted,
    },
  };
}

function words(values: readonly string[] = []): readonly string[] {
  return values.flatMap((value) => value.split(",")).filter((word) => word !== "");
}

function missing(option: string): PodError {
  return new PodError("InvalidArgument", `${option} must be specified`);
}
