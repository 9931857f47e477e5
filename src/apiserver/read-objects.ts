/**
 * Getting, listing and watching objects of the store: the same for every kind.
 */
import { PodError } from "../base/errors.ts";
import type { StoredObject } from "../store/watch-event.ts";
import { pageOf } from "./page.ts";
import { badRequest } from "./problem.ts";
import type { Query } from "./query.ts";
import { type Exchange, type Route, sendJson } from "./router.ts";
import { Selection, type ServedKind } from "./selection.ts";
import { watchObjects } from "./watch-objects.ts";

/** Query parameters of a list; kubectl sends them all. */
const listParameters = [
  "watch",
  "resourceVersion",
  "resourceVersionMatch",
  "sendInitialEvents",
  "allowWatchBookmarks",
  "timeoutSeconds",
  "timeout",
  "fieldSelector",
  "labelSelector",
  "limit",
  "continue",
];

/** The routes that read a kind. @param resource - plural name in the path. */
export function readRoutes(kind: ServedKind, resource: string): readonly Route[] {
  const list = { method: "GET", query: listParameters } as const;
  return [
    { ...list, path: `/api/v1/${resource}`, handle: (exchange) => readList(exchange, kind) },
    {
      ...list,
      path: `/api/v1/namespaces/{namespace}/${resource}`,
      handle: (exchange) => readList(exchange, kind, exchange.parameters.get("namespace")),
    },
    readRoute(kind, `/api/v1/namespaces/{namespace}/${resource}/{name}`),
  ];
}

/** The route that reads one object. */
export function readRoute(kind: ServedKind, path: string): Route {
  const handle = (exchange: Exchange): void => {
    sendJson(exchange.response, 200, findObject(exchange, kind));
  };
  return { method: "GET", path, query: ["resourceVersion"], handle };
}

/** The object that the path names. @throws PodError NotFound. */
export function findObject<T>(
  { backend, parameters }: Pick<Exchange, "backend" | "parameters">,
  kind: ServedKind,
): T {
  const [namespace, name] = [parameters.get("namespace"), parameters.get("name")];
  const found = backend.store.get<T>(kind, namespace, name);
  if (found !== undefined) return found;
  throw new PodError("NotFound", `${kind} "${namespace}/${name}" does not exist`, {
    data: { kind, namespace, name },
  });
}

async function readList(exchange: Exchange, kind: ServedKind, namespace?: string): Promise<void> {
  const { query, backend, response } = exchange;
  const selection = new Selection(query, kind);
  if (query.flag("watch")) return await watchObjects(exchange, { kind, namespace, selection });
  const { items, resourceVersion } = backend.store.list<StoredObject>(kind, namespace);
  checkVersion(query, resourceVersion);
  const wanted = items.filter((item) => selection.matches(item));
  const page = pageOf(wanted, resourceVersion, query);
  sendJson(response, 200, {
    kind: `${kind}List`,
    apiVersion: "v1",
    metadata: {
      resourceVersion: page.resourceVersion,
      ...(page.token !== undefined && { continue: page.token }),
      ...(page.token !== undefined &&
        selection.isEverything && { remainingItemCount: page.remaining }),
    },
    items: page.items,
  });
}

/** The answer is always the newest state: a version that asks for another one is refused. */
function checkVersion(query: Query, current: string): void {
  const match = query.oneOf("resourceVersionMatch", ["Exact", "NotOlderThan"]);
  const version = query.integer("resourceVersion", 0);
  if (match !== undefined && version === undefined) {
    throw badRequest('Parameter "resourceVersionMatch" needs "resourceVersion"');
  }
  if (match === "Exact" && String(version) !== current) {
    throw new PodError(
      "FailedPrecondition",
      `Cannot list at resourceVersion ${version}: only the newest state, ${current}, is kept`,
      { data: { reason: "Expired" } },
    );
  }
  if (version !== undefined && version > Number(current)) {
    throw new PodError(
      "DeadlineExceeded",
      `resourceVersion ${version} is in the future: the newest is ${current}`,
    );
  }
}
