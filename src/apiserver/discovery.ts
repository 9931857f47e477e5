/**
 * What a Kubernetes client asks first: versions, groups and resources, and whether we live.
 * Source: Kubernetes API reference, meta/v1 APIVersions, APIGroupList, APIResourceList.
 */
import { type Route, sendJson, sendText } from "./router.ts";

/** The Kubernetes release whose API we speak. */
const kubernetesRelease = { major: "1", minor: "34" } as const;

const resources: readonly (readonly [name: string, kind: string, verbs: readonly string[]])[] = [
  ["pods", "Pod", ["create", "delete", "get", "list", "update", "watch"]],
  ["pods/attach", "PodAttachOptions", ["create", "get"]],
  ["pods/exec", "PodExecOptions", ["create", "get"]],
  ["pods/log", "Pod", ["get"]],
  ["pods/status", "Pod", ["get"]],
  ["events", "Event", ["get", "list", "watch"]],
];

const shortNames: Readonly<Record<string, readonly string[]>> = { pods: ["po"], events: ["ev"] };

export const discoveryRoutes: readonly Route[] = [
  ...["/healthz", "/livez", "/readyz"].map(
    (path): Route => ({
      method: "GET",
      path,
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
        gitVersion: `v${major}.${minor}.0+nspod-${version}`,
        nspodVersion: version,
        platform: `linux/${process.arch === "x64" ? "amd64" : process.arch}`,
      });
    },
  },
  {
    method: "GET",
    path: "/api",
    query: ["timeout"],
    handle: ({ response }) =>
      sendJson(response, 200, {
        kind: "APIVersions",
        versions: ["v1"],
        serverAddressByClientCIDRs: [],
      }),
  },
  {
    method: "GET",
    path: "/apis",
    query: ["timeout"],
    handle: ({ response }) =>
      sendJson(response, 200, { kind: "APIGroupList", apiVersion: "v1", groups: [] }),
  },
  {
    method: "GET",
    path: "/api/v1",
    query: ["timeout"],
    handle: ({ response }) =>
      sendJson(response, 200, {
        kind: "APIResourceList",
        groupVersion: "v1",
        resources: resources.map(([name, kind, verbs]) => ({
          name,
          singularName: name.includes("/") ? "" : kind.toLowerCase(),
          namespaced: true,
          kind,
          verbs,
          ...(shortNames[name] && { shortNames: shortNames[name] }),
        })),
      }),
  },
];
