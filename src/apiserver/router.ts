/**
 * The table of routes and the exchange that a handler works on. A route names its method, its path
 * with `{parameters}` and the query parameters that it takes.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Event } from "../spec/kubernetes.gen.ts";
import type { ObjectMeta } from "../spec/meta.ts";
import { newerEvent, newerEventVersion } from "../spec/newer-event.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { User } from "./authenticate.ts";
import type { Backend } from "./backend.ts";
import { pathNotFound, RequestProblem } from "./problem.ts";
import type { Query } from "./query.ts";

/** What handlers share. */
export interface Door {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Version of nspod. */
  readonly version: string;
  /** Called after a reset and before its answer: removes the rest, and ends the daemon soon. */
  readonly onReset: () => void | Promise<void>;
}

/** One request and its answer. */
export interface Exchange extends Door {
  /** Who asks. */
  readonly user: User;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly parameters: Parameters;
  readonly query: Query;
  /** Aborts when the client goes away or the server closes. */
  readonly signal: AbortSignal;
}

/** Values of `{parameters}`; a name that the route does not have is "". */
export class Parameters {
  readonly #values: ReadonlyMap<string, string>;

  constructor(values: ReadonlyMap<string, string>) {
    this.#values = values;
  }

  get(name: "namespace" | "name" | "container"): string {
    return this.#values.get(name) ?? "";
  }
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** E.g. `/api/v1/namespaces/{namespace}/pods/{name}`. */
  readonly path: string;
  /** Known query parameters; a trailing "[]" allows repetition. Default: none. */
  readonly query?: readonly string[];
  readonly handle: (exchange: Exchange) => void | Promise<void>;
}

// DNS label and DNS subdomain, RFC 1123, and ":" within names of roles: other names cannot exist.
const patterns: Readonly<Record<string, RegExp>> = {
  "{namespace}": /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  "{container}": /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
  "{name}":
    /^(?=.{1,253}$)[a-z0-9](?:[a-z0-9:-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9:-]*[a-z0-9])?)*$/,
};

/** @throws RequestProblem 404 or 405. */
export function findRoute<R extends Pick<Route, "method" | "path">>(
  routes: readonly R[],
  method: string,
  segments: readonly string[],
): { readonly route: R; readonly parameters: Parameters } {
  const allowed: string[] = [];
  for (const route of routes) {
    const values = matchPath(route.path, segments);
    if (values === undefined) continue;
    if (route.method === method) return { route, parameters: new Parameters(values) };
    allowed.push(route.method);
  }
  if (allowed.length === 0) throw pathNotFound();
  throw new RequestProblem(
    [405, "MethodNotAllowed", "Unimplemented"],
    `Method ${method} is not supported here: use ${allowed.join(" or ")}`,
    { allow: allowed.join(", ") },
  );
}

function matchPath(
  path: string,
  segments: readonly string[],
): ReadonlyMap<string, string> | undefined {
  const expected = partsOf(path);
  if (expected.length !== segments.length) return undefined;
  // Nearly all routes differ in a word: nothing is made for them.
  const hasWords = expected.every(
    (part, index) => part === segments[index] || part.startsWith("{"),
  );
  if (!hasWords) return undefined;
  const values = new Map<string, string>();
  for (const [index, part] of expected.entries()) {
    const segment = segments[index] ?? "";
    const pattern = patterns[part];
    if (pattern === undefined) continue;
    if (!pattern.test(segment)) return undefined;
    values.set(part.slice(1, -1), segment);
  }
  return values;
}

const parts = new Map<string, readonly string[]>();

/** The table is long and searched for every request. */
function partsOf(path: string): readonly string[] {
  const known = parts.get(path);
  if (known !== undefined) return known;
  const split = path.slice(1).split("/");
  parts.set(path, split);
  return split;
}

const versions = new WeakMap<ServerResponse, string>();

/** The route with answers whose objects name this version of the API and not the one that they are stored in. */
export function inVersion(route: Route, apiVersion: string): Route {
  const handle = (exchange: Exchange): void | Promise<void> => {
    versions.set(exchange.response, apiVersion);
    return route.handle(exchange);
  };
  return { ...route, handle };
}

/** What `inVersion` has asked for. */
export function servedVersion(response: ServerResponse): string | undefined {
  return versions.get(response);
}

/** Ends the answer with an object; those of the cluster have no namespace outside. */
export function sendObject(response: ServerResponse, code: number, object: KubernetesObject): void {
  sendJson(response, code, shownObject(object, servedVersion(response)));
}

/** The object as clients see it. @param apiVersion - other than the object's own. */
export function shownObject<T extends { readonly metadata: ObjectMeta }>(
  object: T,
  apiVersion?: string,
): object {
  const shown = apiVersion === undefined ? object : inServedVersion(object, apiVersion);
  if (object.metadata.namespace !== "") return shown;
  const { namespace: _, ...metadata } = object.metadata;
  return { ...shown, metadata };
}

function inServedVersion(object: object, apiVersion: string): object {
  // What is served in this version are events.
  return apiVersion === newerEventVersion ? newerEvent(object as Event) : { ...object, apiVersion };
}

/** Ends the answer with a JSON value. */
export function sendJson(response: ServerResponse, code: number, value: unknown): void {
  sendText(response, code, "application/json", `${JSON.stringify(value)}\n`);
}

export function sendText(response: ServerResponse, code: number, type: string, text: string): void {
  sendBytes(response, code, type, Buffer.from(text));
}

export function sendBytes(
  response: ServerResponse,
  code: number,
  type: string,
  body: Uint8Array,
): void {
  response.writeHead(code, { "content-type": type, "content-length": body.length });
  response.end(body);
}
