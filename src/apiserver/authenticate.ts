/**
 * Who asks. The unix socket is root's own. Over TLS somebody is who a client certificate of our authority says, with
 * the group system:masters or system:nodes, or the service account that a token says. Nobody else gets in. What they may do:
 * authorize.ts. Source: Kubernetes, "Authenticating", "X509 client certificates", "Service account tokens"; RFC 6750.
 */
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { ServiceAccount } from "../spec/kubernetes.gen.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";
import type { TokenClaims } from "../volume/service-account-tokens.ts";
import { authenticatedGroup, type Subject, serviceAccountGroups } from "./authorize.ts";
import { adminGroup, nodesGroup } from "./pki-names.ts";
import { RequestProblem } from "./problem.ts";

export interface User extends Subject {
  readonly uid?: string;
  readonly extra?: Readonly<Record<string, readonly string[]>>;
}

/** What a token says that is valid now; undefined when it is not ours or no longer valid. */
export type TokenReader = (text: string, nowMs: number) => TokenClaims | undefined;

const adminGroups = [adminGroup, authenticatedGroup];

const root: User = { name: "system:admin", groups: adminGroups };

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
    const [name, group] = [String(subject?.CN), subject?.O];
    // Every certificate of our authority is made here; the server's own has no group.
    if (group === adminGroup) return { name, groups: adminGroups };
    if (group === nodesGroup) return { name, groups: [nodesGroup, authenticatedGroup] };
  }
  const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
  const claims = token === undefined ? undefined : readToken(token, nowMs);
  const user = claims && userOf(store, claims);
  if (user !== undefined) return user;
  throw new RequestProblem([401, "Unauthorized", "PermissionDenied"], "Unauthorized");
}

/** The account of a token; undefined when it or the object that the token is bound to has gone. */
export function userOf(store: Store, claims: TokenClaims): User | undefined {
  const { namespace, serviceAccount, bound } = claims;
  const account = store.get<ServiceAccount>("ServiceAccount", namespace, serviceAccount.name);
  if (account?.metadata.uid !== serviceAccount.uid) return undefined;
  if (bound !== undefined) {
    const scope = bound.kind === "Node" ? "" : namespace;
    const object = store.get<KubernetesObject>(bound.kind, scope, bound.name);
    if (object?.metadata.uid !== bound.uid) return undefined;
  }
  const extra = `authentication.kubernetes.io/${bound?.kind.toLowerCase()}`;
  const name = `system:serviceaccount:${namespace}:${serviceAccount.name}`;
  return {
    name,
    groups: serviceAccountGroups(name),
    uid: serviceAccount.uid,
    ...(bound !== undefined &&
      bound.kind !== "Secret" && {
        extra: { [`${extra}-name`]: [bound.name], [`${extra}-uid`]: [bound.uid] },
      }),
  };
}
