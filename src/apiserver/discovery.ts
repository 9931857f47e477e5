/**
 * What a Kubernetes client asks first: versions, groups and resources, and whether we live. The resources are those
 * of the table that the routes come from.
 * Source: Kubernetes API reference, meta/v1 APIVersions, APIGroupList, APIResourceList.
 */
import { kubernetesRelease, releaseName } from "../spec/kubernetes-release.ts";
import { groupOf } from "../spec/object-problem.ts";
import type { Resource } from "../spec/resources.ts";
import { reviewEntries } from "./access-reviews.ts";
import {
  aggregatedDiscovery,
  aggregatedType,
  type ResourceEntry,
  type ResourceLists,
} from "./aggregated-discovery.ts";
import { metricsEntries, metricsVersion } from "./metrics.ts";
import { partsOf } from "./resource-routes.ts";
import { type Route, sendJson, sendText } from "./router.ts";
import { hasScale } from "./scale.ts";
import { readableResources, writableResources } from "./served-resources.ts";

const objectVerbs = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
] as const;

/** Subresources of pods that are no objects. */
const podStreams: readonly (readonly [name: string, kind: string, verbs: readonly string[]])[] = [
  ["pods/attach", "PodAttachOptions", ["create", "get"]],
  ["pods/exec", "PodExecOptions", ["create", "get"]],
  ["pods/log", "Pod", ["get"]],
  ["pods/portforward", "PodPortForwardOptions", ["create", "get"]],
];

/** Short words for what people mean by "all". */
const categories: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  ["Pod", "Service", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet", "CronJob", "Job"].map(
    (kind) => [kind, ["all"]],
  ),
);

function entriesOf(resource: Resource): readonly ResourceEntry[] {
  const { kind, plural, singular, shortNames, isNamespaced: namespaced } = resource;
  const entries = partsOf(resource).map(({ subresource }) =>
    subresource === ""
      ? {
          name: plural,
          singularName: singular,
          namespaced,
          kind,
          verbs: objectVerbs,
          ...(shortNames.length > 0 && { shortNames }),
          ...(categories[kind] && { categories: categories[kind] }),
        }
      : subresourceEntry(resource, `${plural}/${subresource}`, kind, ["get", "patch", "update"]),
  );
  const streams = kind === "Pod" ? podStreams : [];
  const scale = {
    ...subresourceEntry(resource, `${plural}/scale`, "Scale", ["get", "patch", "update"]),
    group: "autoscaling",
    version: "v1",
  };
  if (hasScale(resource)) return [...entries, scale];
  const eviction = {
    ...subresourceEntry(resource, "pods/eviction", "Eviction", ["create"]),
    group: "policy",
    version: "v1",
  };
  const token = {
    ...subresourceEntry(resource, "serviceaccounts/token", "TokenRequest", ["create"]),
    group: "authentication.k8s.io",
    version: "v1",
  };
  return [
    ...entries,
    ...streams.map((stream) => subresourceEntry(resource, ...stream)),
    ...(kind === "Pod" ? [eviction] : []),
    ...(kind === "ServiceAccount" ? [token] : []),
  ];
}

function subresourceEntry(
  { isNamespaced: namespaced }: Resource,
  name: string,
  kind: string,
  verbs: readonly string[],
): ResourceEntry {
  return { name, singularName: "", namespaced, kind, verbs };
}

function readableEntry(resource: Resource): ResourceEntry {
  const { plural: name, singular: singularName, isNamespaced: namespaced } = resource;
  const verbs = resource.kind === "Endpoints" ? ["get", "list"] : ["get", "list", "watch"];
  const { kind, shortNames } = resource;
  return { name, singularName, namespaced, kind, verbs, shortNames };
}

const served: readonly (readonly [groupVersion: string, entry: ResourceEntry])[] = [
  ...writableResources.flatMap((resource) =>
    entriesOf(resource).map((entry) => [resource.apiVersion, entry] as const),
  ),
  ...readableResources.map((resource) => [resource.apiVersion, readableEntry(resource)] as const),
  ...metricsEntries.map((entry) => [metricsVersion, entry] as const),
  ...reviewEntries,
];

/** `v1`, `storage.k8s.io/v1`, each once; of a group's versions the one that is preferred first. */
const versions: readonly string[] = [...new Set(served.map(([version]) => version))];

const groupNames: readonly string[] = [...new Set(versions.map(groupOf))].filter(
  (group) => group !== "",
);
const groups: readonly object[] = groupNames.map(groupEntry);

function groupEntry(group: string): object {
  const own = versions
    .filter((version) => groupOf(version) === group)
    .map((groupVersion) => ({ groupVersion, version: groupVersion.split("/").at(-1) }));
  return { name: group, versions: own, preferredVersion: own[0] };
}

/** The lists of the core group, or of all others. */
function listsOf(isWanted: (groupVersion: string) => boolean): ResourceLists {
  const entries = (groupVersion: string): readonly ResourceEntry[] =>
    served.filter(([version]) => version === groupVersion).map(([, entry]) => entry);
  return new Map(versions.filter(isWanted).map((version) => [version, entries(version)]));
}

const coreLists = listsOf((version) => version === "v1");
const groupLists = listsOf((version) => version !== "v1");

/** Legacy clients get one list; newer ones everything below it. */
function rootAnswer(path: string, legacy: object, lists: ResourceLists): Route {
  return {
    method: "GET",
    path,
    query: ["timeout"],
    handle: ({ request, response }) => {
      const type = aggregatedType(request);
      response.setHeader("vary", "Accept");
      if (type === undefined) return sendJson(response, 200, legacy);
      sendText(response, 200, type, JSON.stringify(aggregatedDiscovery(lists)));
    },
  };
}

function answer(path: string, value: object): Route {
  return {
    method: "GET",
    path,
    query: ["timeout"],
    handle: ({ response }) => sendJson(response, 200, value),
  };
}

export const discoveryRoutes: readonly Route[] = [
  ...["/healthz", "/livez", "/readyz"].map(
    (path): Route => ({
      method: "GET",
      path,
      query: ["verbose", "timeout"],
      handle: ({ response }) => sendText(response, 200, "text/plain", "ok"),
    }),
  ),
  {
    method: "GET",
    path: "/version",
    query: ["timeout"],
    handle: ({ response, version }) => {
      const { major, minor } = kubernetesRelease;
      sendJson(response, 200, {
        major,
        minor,
        gitVersion: releaseName(version),
        nspodVersion: version,
        platform: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
      });
    },
  },
  rootAnswer(
    "/api",
    { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs: [] },
    coreLists,
  ),
  rootAnswer("/apis", { kind: "APIGroupList", apiVersion: "v1", groups }, groupLists),
  ...groupNames.map((group) =>
    answer(`/apis/${group}`, { kind: "APIGroup", apiVersion: "v1", ...groupEntry(group) }),
  ),
  ...[...coreLists, ...groupLists].map(([groupVersion, entries]) =>
    answer(groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`, {
      kind: "APIResourceList",
      apiVersion: "v1",
      groupVersion,
      resources: entries,
    }),
  ),
];
