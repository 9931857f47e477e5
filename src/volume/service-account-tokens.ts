/**
 * Tokens of service accounts: in volumes, bound to their pod, and for who asks for one (TokenRequest).
 *
 *   <root>/service-account.key   0600   ES256 private key of the instance, made with the first token
 *
 * That of a volume is kept until four fifths of its life, or 24 hours, are over; then the volume gets a new one. Claims and
 * rules as Kubernetes, "Managing Service Accounts", "Bound service account tokens"; form: RFC 7515, RFC 7519.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomUUID,
  sign,
  verify,
} from "node:crypto";
import { readFileSync } from "node:fs";
import { atomicWrite } from "../base/atomic-write.ts";
import { hasCode } from "../base/errors.ts";

/** Who signs, and for whom a token is that names no audience. */
export const tokenIssuer = "https://kubernetes.default.svc.cluster.local";

/** In the root folder of the instance. */
export const tokenKeyFile = "service-account.key";

const longestUseMs = 24 * 3600 * 1000;

/** When a token that lives that long is replaced. */
export function refreshAtMs(nowMs: number, lifeMs: number): number {
  return nowMs + Math.min(0.8 * lifeMs, longestUseMs);
}

interface Named {
  readonly name: string;
  readonly uid: string;
}

/** The object that a token does not outlive. */
export interface BoundObject extends Named {
  readonly kind: "Pod" | "Secret" | "Node";
}

/** Whose a token is. */
export interface TokenClaims {
  readonly namespace: string;
  readonly serviceAccount: Named;
  readonly bound?: BoundObject;
  /** Whom it is for. */
  readonly audiences: readonly string[];
}

/** A token for a volume of a pod. */
export interface TokenRequest {
  readonly namespace: string;
  readonly serviceAccount: Named;
  readonly pod: Named;
  readonly nodeName: string;
  readonly audience: string;
  /** 600 or more. */
  readonly expirationSeconds: number;
}

export interface TokenWish extends TokenClaims {
  /** Where its pod runs. */
  readonly nodeName?: string;
  /** 600 or more. */
  readonly expirationSeconds: number;
}

export interface Token {
  readonly text: string;
  /** Wall clock at which the next one is due. */
  readonly refreshAtMs: number;
}

interface Kept extends Token {
  readonly expiresAtMs: number;
}

/** Seconds since 1970 where a time is meant, RFC 7519 section 4.1. */
interface Claims {
  readonly aud: readonly string[];
  readonly exp: number;
  readonly iat: number;
  readonly iss: string;
  readonly jti: string;
  readonly "kubernetes.io": {
    readonly namespace: string;
    readonly node?: { readonly name: string; readonly uid?: string };
    readonly pod?: Named;
    readonly secret?: Named;
    readonly serviceaccount: Named;
  };
  readonly nbf: number;
  readonly sub: string;
}

export class ServiceAccountTokens {
  readonly #keyFile: string;
  readonly #kept = new Map<string, Kept>();
  #key: SigningKey | undefined;

  /** @param keyFile - absolute path in the instance's own folder; read or made with the first token. */
  constructor(keyFile: string) {
    this.#keyFile = keyFile;
  }

  /** The token for a request: the same one again until it is due. @param nowMs - wall clock. */
  get(request: TokenRequest, nowMs: number): Token {
    const wanted = JSON.stringify(request);
    const known = this.#kept.get(wanted);
    // A clock that was set back must not keep a token beyond what it was made for.
    if (known && nowMs < known.refreshAtMs && nowMs > known.refreshAtMs - longestUseMs) {
      return known;
    }
    for (const [key, { expiresAtMs }] of this.#kept) {
      if (expiresAtMs <= nowMs) this.#kept.delete(key);
    }
    const lifeMs = 1000 * request.expirationSeconds;
    const token = {
      text: this.issue(wishOf(request), nowMs),
      refreshAtMs: refreshAtMs(nowMs, lifeMs),
      expiresAtMs: nowMs + lifeMs,
    };
    this.#kept.set(wanted, token);
    return token;
  }

  /**
   * What a token of this instance says that is valid now; undefined of any other text.
   * @param nowMs - wall clock.
   * @param audiences - one of them must be meant; those that are come back.
   */
  read(
    text: string,
    nowMs: number,
    audiences: readonly string[] = [tokenIssuer],
  ): TokenClaims | undefined {
    const [header = "", body = "", signature = "", ...rest] = text.split(".");
    this.#key ??= readKey(this.#keyFile);
    const isOurs = verify(
      "sha256",
      Buffer.from(`${header}.${body}`),
      { key: this.#key.open, dsaEncoding: "ieee-p1363" },
      Buffer.from(signature, "base64url"),
    );
    if (!isOurs || rest.length > 0) return undefined;
    // Signed by us: it has the form that issue() gives.
    const claims = JSON.parse(Buffer.from(body, "base64url").toString()) as Claims;
    const meant = audiences.filter((audience) => claims.aud.includes(audience));
    const isNow = claims.nbf * 1000 <= nowMs && nowMs < claims.exp * 1000;
    if (meant.length === 0 || !isNow) return undefined;
    const { namespace, serviceaccount: serviceAccount } = claims["kubernetes.io"];
    const bound = boundObject(claims["kubernetes.io"]);
    return { namespace, serviceAccount, audiences: meant, ...(bound && { bound }) };
  }

  /** A new token. @param nowMs - wall clock. */
  issue(wish: TokenWish, nowMs: number): string {
    const { namespace, serviceAccount, bound, nodeName, audiences, expirationSeconds } = wish;
    this.#key ??= readKey(this.#keyFile);
    const { secret, id } = this.#key;
    const named = bound && { name: bound.name, uid: bound.uid };
    const now = Math.floor(nowMs / 1000);
    const header = { alg: "ES256", kid: id };
    const claims: Claims = {
      aud: audiences,
      exp: now + expirationSeconds,
      iat: now,
      iss: tokenIssuer,
      jti: randomUUID(),
      "kubernetes.io": {
        namespace,
        ...(nodeName !== undefined && { node: { name: nodeName } }),
        ...(bound && named && { [bound.kind.toLowerCase()]: named }),
        serviceaccount: serviceAccount,
      },
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${serviceAccount.name}`,
    };
    const text = [header, claims].map((part) => base64url(JSON.stringify(part))).join(".");
    const signature = sign("sha256", Buffer.from(text), { key: secret, dsaEncoding: "ieee-p1363" });
    return `${text}.${signature.toString("base64url")}`;
  }
}

function wishOf({ pod, audience, ...rest }: TokenRequest): TokenWish {
  return { ...rest, bound: { kind: "Pod", ...pod }, audiences: [audience] };
}

/** A pod stands beside its node; a node with a uid stands for itself. */
function boundObject({ pod, secret, node }: Claims["kubernetes.io"]): BoundObject | undefined {
  if (pod !== undefined) return { kind: "Pod", ...pod };
  if (secret !== undefined) return { kind: "Secret", ...secret };
  return node?.uid === undefined ? undefined : { kind: "Node", name: node.name, uid: node.uid };
}

interface SigningKey {
  readonly secret: KeyObject;
  /** Its public half. */
  readonly open: KeyObject;
  readonly id: string;
}

function readKey(path: string): SigningKey {
  const secret = createPrivateKey(readOrMake(path));
  const open = createPublicKey(secret);
  const bytes = open.export({ type: "spki", format: "der" });
  return { secret, open, id: createHash("sha256").update(bytes).digest("base64url") };
}

function readOrMake(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (!hasCode(error, "ENOENT")) throw error;
  }
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  atomicWrite(path, privateKey);
  return privateKey;
}

function base64url(text: string): string {
  return Buffer.from(text).toString("base64url");
}
