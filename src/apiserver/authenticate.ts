/**
 * Who asks, and what they may do. The unix socket is root's own. Over TLS a client certificate of our authority with
 * the group system:masters may do everything; the token of a service account may read its own namespace, but for
 * Secrets, and what says nothing of objects (discovery, OpenAPI, versions). Nobody else gets in.
 * Source: Kubernetes, "Authenticating", "X509 client certificates", "Service account tokens"; RFC 6750.
 */
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { ServiceAccount } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import type { Store } from "../store/store.ts";
import { adminGroup } from "./pki-names.ts";
import { forbidden, RequestProblem } from "./problem.ts";

export interface User {
  readonly name: string;
  /** undefined: may do everything. */
  readonly namespace?: string;
}

/** What a token says; undefined when it is not ours or no longer valid. */
export type TokenReader = (text: string, nowMs: number) => TokenClaims | undefined;

export interface TokenClaims {
  readonly namespace: string;
  readonly serviceAccount: { readonly name: string; readonly uid: string };
  readonly pod?: { readonly name: string; readonly uid: string };
}

const root: User = { name: "system:admin" };

/** @throws RequestProblem 401. */
export function authenticate(
  { socket, headers }: Pick<IncomingMessage, "socket" | "headers">,
  {
    store,
    readToken,
    nowMs,
  }: {
    readonly store: Store;
    readonly readToken: TokenReader;
    readonly nowMs: number;
  },
): User {
  if (!(socket instanceof TLSSocket)) return root;
  if (socket.authorized) {
    const { subject } = socket.getPeerCertificate();
    // Every certificate of our authority is made here; only an administrator's is for clients.
    if (subject?.O === adminGroup) return { name: String(subject.CN) };
  }
  const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  const claims = token === undefined ? undefined : readToken(token, nowMs);
  if (claims === undefined || !isAlive(store, claims)) {
    throw new RequestProblem([401, "Unauthorized", "PermissionDenied"], "Unauthorized");
  }
  const { namespace, serviceAccount } = claims;
  return { name: `system:serviceaccount:${namespace}:${serviceAccount.name}`, namespace };
}

/** A token dies with its account and its pod. */
function isAlive(store: Store, { namespace, serviceAccount, pod }: TokenClaims): boolean {
  const account = store.get<ServiceAccount>("ServiceAccount", namespace, serviceAccount.name);
  if (account?.metadata.uid !== serviceAccount.uid) return false;
  if (pod === undefined) return true;
  return store.get<Pod>("Pod", namespace, pod.name)?.metadata.uid === pod.uid;
}

/** @param path - of the route, e.g. `/api/v1/namespaces/{namespace}/pods`. @throws RequestProblem 403. */
export function authorize(
  user: User,
  {
    method,
    path,
    namespace,
  }: {
    readonly method: string;
    readonly path: string;
    readonly namespace: string;
  },
): void {
  if (user.namespace === undefined) return;
  // Of nspod's own paths none: copying files is a GET, too.
  const isRead =
    method === "GET" && /^\/(?!nspod\/)/.test(path) && !/\/(?:exec|attach|portforward)$/.test(path);
  const isOwn = namespace === user.namespace && !/\/secrets(?:\/|$)/.test(path);
  if (isRead && (isOwn || isAboutTheServer(path))) return;
  throw forbidden(
    `${path.slice(1)} is forbidden: User "${user.name}" cannot ${method} here: a service account reads its own namespace "${user.namespace}" only, without secrets`,
  );
}

/** Discovery, OpenAPI and the like; `/api/v1/pods` and `/apis/apps/v1/deployments` are objects. */
function isAboutTheServer(path: string): boolean {
  return /^\/(?:api(?:\/v1)?|apis(?:\/[^/]+){0,2}|version|healthz|livez|readyz|openapi\/.*)$/.test(
    path,
  );
}
