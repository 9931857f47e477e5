/**
 * What a client may do: one policy for requests and for those who ask about them (access-reviews.ts).
 *
 *   group system:masters        everything
 *   group system:nodes          what an agent does (node-rules.ts)
 *   a service account           reads its own namespace but for Secrets, and what says nothing of objects
 *   whom a binding names        what its role grants (granted-rules.ts)
 *   everybody that has a name   asks who it is and what it may do
 *
 * Whoever changes roles or bindings must hold everything, so nobody gives away more than they have (decision 0605).
 * Words for deeds are those of Kubernetes: a verb on a resource, or on a path that is none.
 * Source: Kubernetes, "Authorization" (request attributes), "Using RBAC Authorization" (wildcards, subresources).
 */
import { rulesOf } from "../spec/admit.ts";
import { groupOf } from "../spec/object-problem.ts";
import { grantedRules, type RoleSource } from "./granted-rules.ts";
import { metricsEntries, metricsVersion } from "./metrics.ts";
import { nodeOf, nodeRules } from "./node-rules.ts";
import { adminGroup } from "./pki-names.ts";
import { forbidden } from "./problem.ts";
import { hasScale } from "./scale.ts";
import { readableResources, writableResources } from "./served-resources.ts";

/** Group of everybody that has proved a name. */
export const authenticatedGroup = "system:authenticated";

/** Who does it. */
export interface Subject {
  readonly name: string;
  readonly groups: readonly string[];
}

export interface ResourceDeed {
  /** `get`, `list`, `create` …; "*" asks for all of them, as in every field but the names. */
  readonly verb: string;
  /** "" is the core. */
  readonly group: string;
  /** `pods` */
  readonly resource: string;
  /** `log`; "" for the object itself. */
  readonly subresource: string;
  /** "" for all of them, and for what belongs to the cluster. */
  readonly namespace: string;
  /** "" for all of them. */
  readonly name: string;
}

export interface PathDeed {
  /** `get` */
  readonly verb: string;
  /** `/version` */
  readonly path: string;
}

export type Deed = ResourceDeed | PathDeed;

/** What a user may do in one namespace, in the form of SelfSubjectRulesReview. */
export interface Rules {
  readonly resourceRules: readonly ResourceRule[];
  readonly nonResourceRules: readonly {
    readonly verbs: readonly string[];
    /** A "*" at the end stands for the rest. */
    readonly nonResourceURLs: readonly string[];
  }[];
}

export interface ResourceRule {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  /** `pods`, `pods/log`, any `/status` */
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
}

const everything: Rules = {
  resourceRules: [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"] }],
  nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
};

/** For everybody that has a name. */
const basics: Rules = {
  resourceRules: [
    { verbs: ["create"], apiGroups: ["authentication.k8s.io"], resources: ["selfsubjectreviews"] },
    {
      verbs: ["create"],
      apiGroups: ["authorization.k8s.io"],
      resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
    },
  ],
  nonResourceRules: [
    {
      verbs: ["get"],
      nonResourceURLs: [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi/*",
        "/readyz",
        "/version",
      ],
    },
  ],
};

const readVerbs: readonly string[] = ["get", "list", "watch"];

/** What a service account reads in its namespace: a part that is not here is more than reading. */
const reads: readonly ResourceRule[] = [...readableByGroup()].map(([group, resources]) => ({
  verbs: readVerbs,
  apiGroups: [group],
  resources: [
    ...resources,
    ...(resources.has("pods") && group === ""
      ? ["pods/log", "pods/ephemeralcontainers", "pods/resize"]
      : []),
  ],
}));

function readableByGroup(): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  const add = (group: string, plural: string): void => {
    found.set(group, (found.get(group) ?? new Set()).add(plural));
  };
  for (const resource of [...writableResources, ...readableResources]) {
    const { isNamespaced, apiVersion, plural, kind } = resource;
    if (!isNamespaced || plural === "secrets") continue;
    const group = groupOf(apiVersion);
    add(group, plural);
    if (rulesOf(kind).hasStatus === true) add(group, `${plural}/status`);
    if (hasScale(resource)) add(group, `${plural}/scale`);
  }
  for (const { namespaced, name } of metricsEntries)
    if (namespaced) add(groupOf(metricsVersion), name);
  return found;
}

/**
 * What somebody may do in a namespace, "" for the cluster.
 * @param roles - where roles and their bindings are; absent: these grant nothing.
 */
export function rulesFor(subject: Subject, namespace: string, roles?: RoleSource): Rules {
  if (subject.groups.includes(adminGroup)) return everything;
  if (!subject.groups.includes(authenticatedGroup)) {
    return { resourceRules: [], nonResourceRules: [] };
  }
  const given = givenRules(subject, namespace);
  if (roles === undefined) return given;
  const granted = grantedRules(roles, subject, namespace);
  return {
    resourceRules: [...given.resourceRules, ...granted.resourceRules],
    nonResourceRules: [...given.nonResourceRules, ...granted.nonResourceRules],
  };
}

/** What needs no role. */
function givenRules({ name, groups }: Subject, namespace: string): Rules {
  const node = nodeOf({ name, groups });
  if (node !== undefined) {
    const own = nodeRules(node, namespace);
    return { ...basics, resourceRules: [...basics.resourceRules, ...own] };
  }
  if (namespace === "" || namespaceOf(name) !== namespace) return basics;
  const own = {
    verbs: ["get"],
    apiGroups: [""],
    resources: ["namespaces"],
    resourceNames: [namespace],
  };
  return { ...basics, resourceRules: [...basics.resourceRules, ...reads, own] };
}

/** @param roles - as of `rulesFor`. */
export function isAllowed(subject: Subject, deed: Deed, roles?: RoleSource): boolean {
  if (subject.groups.includes(adminGroup)) return true;
  if (!("resource" in deed)) {
    return rulesFor(subject, "", roles).nonResourceRules.some(
      ({ verbs: allowed, nonResourceURLs }) =>
        isAmong(allowed, deed.verb) && nonResourceURLs.some((url) => coversPath(url, deed.path)),
    );
  }
  const isOfRoles = deed.group === roleGroup && !readVerbs.includes(deed.verb);
  if (isOfRoles && !isAllowed(subject, all, roles)) return false;
  return rulesFor(subject, deed.namespace, roles).resourceRules.some((rule) => covers(rule, deed));
}

const roleGroup = "rbac.authorization.k8s.io";

const all: ResourceDeed = {
  verb: "*",
  group: "*",
  resource: "*",
  subresource: "",
  namespace: "",
  name: "",
};

function covers(rule: ResourceRule, deed: ResourceDeed): boolean {
  const { verb, group, resource, subresource, name } = deed;
  const part = subresource === "" ? resource : `${resource}/${subresource}`;
  return (
    (rule.resourceNames?.includes(name) ?? true) &&
    isAmong(rule.verbs, verb) &&
    isAmong(rule.apiGroups, group) &&
    (isAmong(rule.resources, part) ||
      (subresource !== "" && rule.resources.includes(`*/${subresource}`)))
  );
}

/** "*" in a rule stands for everything. */
function isAmong(values: readonly string[], value: string): boolean {
  return values.includes(value) || values.includes("*");
}

function coversPath(url: string, path: string): boolean {
  return url.endsWith("*") ? path.startsWith(url.slice(0, -1)) : path === url;
}

/** Groups of a service account by its name; none for others. */
export function serviceAccountGroups(name: string): readonly string[] {
  const namespace = namespaceOf(name);
  return namespace === undefined
    ? []
    : ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, authenticatedGroup];
}

/** The namespace of a service account. */
function namespaceOf(user: string): string | undefined {
  return /^system:serviceaccount:([^:]+):[^:]+$/.exec(user)?.[1];
}

const sessions: readonly string[] = ["attach", "exec", "portforward"];

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  PUT: "update",
  PATCH: "patch",
};

/**
 * What a request does.
 * @param path - of the route, with `{namespace}` and `{name}` where these stand.
 */
export function deedOf(request: {
  readonly method: string;
  readonly path: string;
  readonly namespace: string;
  readonly name: string;
  readonly isWatch: boolean;
}): Deed {
  const { method, path, name, isWatch } = request;
  const [, group = "", rest] = /^\/(?:api\/v1|apis\/([^/]+)\/[^/]+)\/(.+)$/.exec(path) ?? [];
  if (rest === undefined) return { verb: method.toLowerCase(), path };
  // A path of another form is a resource that no rule names.
  const [, resource = rest, subresource = ""] =
    /^(?:namespaces\/\{namespace\}\/)?([^/{]+)(?:\/\{name\}(?:\/([^/]+))?)?$/.exec(rest) ?? [];
  // As in Kubernetes, a namespace is in itself.
  const namespace = resource === "namespaces" ? name : request.namespace;
  const isOne = path.includes("{name}");
  const read = isWatch ? "watch" : isOne ? "get" : "list";
  // Sessions are not read, whichever method an upgrade comes with.
  if (sessions.includes(subresource)) {
    return { verb: "create", group, resource, subresource, namespace, name };
  }
  const removed = isOne ? "delete" : "deletecollection";
  const verb = method === "GET" ? read : method === "DELETE" ? removed : (verbs[method] ?? "");
  return { verb, group, resource, subresource, namespace, name };
}

/** @throws RequestProblem 403. */
export function authorize(user: Subject, deed: Deed, roles?: RoleSource): void {
  if (isAllowed(user, deed, roles)) return;
  throw forbidden(refusal(user, deed));
}

/** Kubernetes' sentence, with what would help. */
function refusal({ name }: Subject, deed: Deed): string {
  const own = namespaceOf(name);
  const hint =
    own === undefined
      ? ""
      : `: a service account reads its own namespace "${own}" only, without secrets`;
  if (!("resource" in deed)) {
    return `forbidden: User "${name}" cannot ${deed.verb} path "${deed.path}"${hint}`;
  }
  const { verb, group, resource, subresource, namespace } = deed;
  const what = subresource === "" ? resource : `${resource}/${subresource}`;
  const where = namespace === "" ? "at the cluster scope" : `in the namespace "${namespace}"`;
  const object = group === "" ? resource : `${resource}.${group}`;
  const quoted = deed.name === "" ? "" : ` "${deed.name}"`;
  return `${object}${quoted} is forbidden: User "${name}" cannot ${verb} resource "${what}" in API group "${group}" ${where}${hint}`;
}
