/**
 * Tokens of service accounts from an API server: asked for before a pod's sync, kept until they are due.
 * Source: Kubernetes API reference, authentication.k8s.io/v1 TokenRequest; "Managing Service Accounts", "Bound service
 * account tokens".
 */
import { messageOf, PodError } from "../base/errors.ts";
import type { Pod } from "../spec/pod.ts";
import { serviceAccountOf } from "../spec/service-account.ts";
import {
  refreshAtMs,
  type Token,
  type TokenRequest,
  tokenIssuer,
} from "../volume/service-account-tokens.ts";
import type { KubernetesClient } from "./kubernetes-client.ts";

interface Answer {
  readonly status?: { readonly token?: string; readonly expirationTimestamp?: string };
}

type Wish = Pick<TokenRequest, "namespace" | "pod" | "audience" | "expirationSeconds"> & {
  readonly account: string;
};

export class RemoteTokens {
  readonly #client: Pick<KubernetesClient, "json">;
  readonly #tokens = new Map<string, Token>();
  readonly #failures = new Map<string, string>();

  constructor(client: Pick<KubernetesClient, "json">) {
    this.#client = client;
  }

  /** Fetches the tokens of a pod that are missing or due. What fails is told by `get`. */
  async prepare(pod: Pod, nowMs: number): Promise<void> {
    for (const wish of wishesOf(pod)) {
      const key = keyOf(wish);
      const known = this.#tokens.get(key);
      if (known !== undefined && nowMs < known.refreshAtMs) continue;
      try {
        this.#tokens.set(key, await this.#fetch(wish, nowMs));
        this.#failures.delete(key);
      } catch (error) {
        this.#failures.set(key, messageOf(error));
      }
    }
  }

  /** As it was fetched; an old one is better than none. @throws PodError Unavailable. */
  get({ serviceAccount, ...request }: TokenRequest): Token {
    const key = keyOf({ ...request, account: serviceAccount.name });
    const token = this.#tokens.get(key);
    if (token !== undefined) return token;
    const why = this.#failures.get(key) ?? "it was not asked for yet";
    throw new PodError("Unavailable", `failed to fetch token: ${why}`);
  }

  forget(uid: string): void {
    for (const map of [this.#tokens, this.#failures]) {
      for (const key of map.keys()) if (key.startsWith(`${uid} `)) map.delete(key);
    }
  }

  async #fetch(wish: Wish, nowMs: number): Promise<Token> {
    const { namespace, account, pod, audience, expirationSeconds } = wish;
    const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${account}/token`;
    const { status } = await this.#client.json<Answer>("POST", path, {
      body: {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: {
          // Without one the server takes its own.
          audiences: audience === tokenIssuer ? [] : [audience],
          expirationSeconds,
          boundObjectRef: { apiVersion: "v1", kind: "Pod", ...pod },
        },
      },
    });
    if (status?.token === undefined) throw new PodError("Internal", "the server gave no token");
    const expiresAtMs = Date.parse(status.expirationTimestamp ?? "");
    const lifeMs = Number.isNaN(expiresAtMs) ? 1000 * expirationSeconds : expiresAtMs - nowMs;
    return { text: status.token, refreshAtMs: refreshAtMs(nowMs, lifeMs) };
  }
}

/** The accounts whose tokens a pod's volumes ask for. */
export function tokenAccounts(pod: Pod): readonly string[] {
  return wishesOf(pod).map(({ account }) => account);
}

function wishesOf(pod: Pod): readonly Wish[] {
  const { namespace, name, uid } = pod.metadata;
  const account = serviceAccountOf(pod);
  const sources = (pod.spec.volumes ?? []).flatMap(({ projected }) => projected?.sources ?? []);
  return sources.flatMap(({ serviceAccountToken }) => {
    if (serviceAccountToken === undefined) return [];
    const { audience, expirationSeconds = 3600 } = serviceAccountToken;
    const wish = { namespace, account, pod: { name, uid }, expirationSeconds };
    return [{ ...wish, audience: audience || tokenIssuer }];
  });
}

function keyOf({ namespace, account, pod, audience, expirationSeconds }: Wish): string {
  return `${pod.uid} ${JSON.stringify([namespace, account, audience, expirationSeconds])}`;
}
