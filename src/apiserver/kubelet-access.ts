/**
 * Who may call the endpoints of a node, as kubelets decide it: a caller shows a client certificate or a bearer token,
 * and the API server says whose the token is and what the caller may do with the node. Its answers are kept for a while.
 *
 *   certificate ─▶ name, groups ──────────────┬─ system:masters: everything, also while the API server is away
 *   token ─▶ TokenReview ─▶ name, groups ─────┴─ SubjectAccessReview: nodes/proxy, nodes/log, nodes/stats, nodes/metrics
 *
 * Source: Kubernetes, "Kubelet authentication/authorization"; cache times are the kubelet's defaults.
 */
import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import type { SubjectAccessReview, TokenReview } from "../spec/kubernetes.gen.ts";
import type { User } from "./authenticate.ts";
import { authenticatedGroup } from "./authorize.ts";
import { adminGroup } from "./pki-names.ts";
import { forbidden, RequestProblem } from "./problem.ts";

export interface KubeletAccessOptions {
  readonly nodeName: string;
  /** Sends a review to the API server. @returns it with its status. @throws PodError. */
  readonly review: (path: string, body: object) => Promise<unknown>;
  /** Milliseconds of a clock that only goes forwards. */
  readonly now: () => number;
}

const tokenPath = "/apis/authentication.k8s.io/v1/tokenreviews";
const accessPath = "/apis/authorization.k8s.io/v1/subjectaccessreviews";

const tokenMs = 120_000;
const allowedMs = 300_000;
const refusedMs = 30_000;

/** More callers than this nobody has; the oldest answers go. */
const mostKept = 1000;

/** Paths with a part of the node of their own; all others are `proxy`. */
const parts: readonly (readonly [path: string, part: string])[] = [
  ["/stats", "stats"],
  ["/metrics", "metrics"],
  ["/logs", "log"],
];

const verbs: Readonly<Record<string, string>> = { GET: "get", POST: "create" };

/** A question that is asked once while its answer is fresh. */
class Answers<T> {
  readonly #now: () => number;
  readonly #kept = new Map<string, { readonly answer: Promise<T>; untilMs: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  async get(key: string, ask: () => Promise<T>, lastsMs: (answer: T) => number): Promise<T> {
    const known = this.#kept.get(key);
    if (known !== undefined && this.#now() < known.untilMs) return await known.answer;
    const entry = { answer: ask(), untilMs: Number.POSITIVE_INFINITY };
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > mostKept && oldest !== undefined) this.#kept.delete(oldest);
    try {
      const answer = await entry.answer;
      entry.untilMs = this.#now() + lastsMs(answer);
      return answer;
    } catch (error) {
      // What was not answered is asked again.
      if (this.#kept.get(key) === entry) this.#kept.delete(key);
      throw error;
    }
  }
}

export class KubeletAccess {
  readonly #options: KubeletAccessOptions;
  readonly #users: Answers<User | undefined>;
  readonly #access: Answers<boolean>;

  constructor(options: KubeletAccessOptions) {
    this.#options = options;
    this.#users = new Answers(options.now);
    this.#access = new Answers(options.now);
  }

  /**
   * Who asks, when they may.
   * @param isSession - exec, attach, port-forward: these are no reading, whichever method they come by.
   * @throws RequestProblem 401, 403; PodError when the API server does not answer.
   */
  async admit(
    request: Pick<IncomingMessage, "socket" | "headers" | "method">,
    path: string,
    isSession: boolean,
  ): Promise<User> {
    const user = certifiedUser(request) ?? (await this.#tokenUser(request));
    if (user === undefined) {
      throw new RequestProblem([401, "Unauthorized", "PermissionDenied"], "Unauthorized");
    }
    if (user.groups.includes(adminGroup)) return user;
    const { nodeName } = this.#options;
    const verb = isSession ? "create" : (verbs[request.method ?? ""] ?? "*");
    const part = partOf(path);
    const key = JSON.stringify([user, verb, part]);
    const isAllowed = await this.#access.get(
      key,
      () => this.#ask(user, verb, part),
      (allowed) => (allowed ? allowedMs : refusedMs),
    );
    if (isAllowed) return user;
    throw forbidden(
      `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, subresource=${part}) on node "${nodeName}"`,
    );
  }

  async #tokenUser({ headers }: Pick<IncomingMessage, "headers">): Promise<User | undefined> {
    const token = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
    if (token === undefined) return undefined;
    const key = createHash("sha256").update(token).digest("base64");
    return await this.#users.get(
      key,
      () => this.#whose(token),
      (user) => (user === undefined ? 0 : tokenMs),
    );
  }

  async #whose(token: string): Promise<User | undefined> {
    const body = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenReview",
      spec: { token },
    };
    const { status } = (await this.#options.review(tokenPath, body)) as TokenReview;
    const { username = "", groups = [], uid, extra } = status?.user ?? {};
    if (status?.authenticated !== true || username === "") return undefined;
    return { name: username, groups, ...(uid && { uid }), ...(extra && { extra }) };
  }

  async #ask(user: User, verb: string, subresource: string): Promise<boolean> {
    const { name, groups, uid, extra } = user;
    const body = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      spec: {
        user: name,
        groups,
        ...(uid !== undefined && { uid }),
        ...(extra !== undefined && { extra }),
        resourceAttributes: {
          verb,
          version: "v1",
          resource: "nodes",
          subresource,
          name: this.#options.nodeName,
        },
      },
    };
    const { status } = (await this.#options.review(accessPath, body)) as SubjectAccessReview;
    return status?.allowed === true && status.denied !== true;
  }
}

/** Whom a client certificate of the trusted authority names; undefined: there is none. */
function certifiedUser({ socket }: Pick<IncomingMessage, "socket">): User | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  const { subject } = socket.getPeerCertificate();
  // Several values of one field come as an array, though the declaration says a string.
  const groups = [subject?.O ?? []].flat() as readonly string[];
  const name = [subject?.CN ?? []].flat().at(0) ?? "";
  return name === "" ? undefined : { name, groups: [...groups, authenticatedGroup] };
}

function partOf(path: string): string {
  return parts.find(([head]) => path === head || path.startsWith(`${head}/`))?.[1] ?? "proxy";
}
