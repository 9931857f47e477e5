/** Identifiers that nspod makes. Content never chooses one (security: PRV-07). */
import { randomBytes, randomUUID } from "node:crypto";
import { toTime } from "./clock.ts";

declare const brand: unique symbol;

/** A pod's `metadata.uid`: a random UUID in lower case. */
export type PodUid = string & { readonly [brand]: "PodUid" };

/** 64 lower-case hex digits, one per started container. */
export type ContainerId = string & { readonly [brand]: "ContainerId" };

/** `sha256:` and 64 lower-case hex digits. */
export type Digest = string & { readonly [brand]: "Digest" };

/** What only the server writes into the metadata of a new object. @param nowMs - since 1970. */
export function newIdentity(nowMs: number): {
  readonly uid: PodUid;
  readonly creationTimestamp: string;
} {
  return { uid: randomUUID() as PodUid, creationTimestamp: toTime(nowMs) };
}

export function newContainerId(): ContainerId {
  return randomBytes(32).toString("hex") as ContainerId;
}

export function isPodUid(text: string): text is PodUid {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
}

export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}
