/**
 * The census of an instance: what nspod owns on this machine, and what looks like its own and belongs to nobody.
 * Pure: find-owned.ts looks, this judges.
 */
import type { Digest } from "../base/ids.ts";
import { chainIds, hexOf, layerNames } from "../image/layout.ts";

export type CensusKind =
  | "process"
  | "network namespace"
  | "mount"
  | "cgroup"
  | "link"
  | "packet rules"
  | "socket"
  | "folder"
  | "blob"
  | "layer";

/** To whom something says to belong: by its name, its place or its comment. */
export type Claim =
  | "instance"
  | "nobody"
  | { readonly pod: string }
  | { readonly link: string }
  | { readonly volume: string }
  | { readonly digest: string }
  | { readonly layer: string };

export interface Finding {
  readonly kind: CensusKind;
  readonly name: string;
  readonly claim: Claim;
}

export interface OwnedThing {
  readonly kind: CensusKind;
  readonly name: string;
  /** `pod default/web`, `image busybox:latest`, `volume pvc-…`, `instance`; absent: nobody's. */
  readonly owner?: string;
}

export interface KnownOwners {
  /** `namespace/name` by uid. */
  readonly pods: ReadonlyMap<string, string>;
  /** uids by the name of the link on the host; "" for a link that waits for a pod. */
  readonly links: ReadonlyMap<string, string>;
  readonly volumes: ReadonlySet<string>;
  readonly images: readonly KnownImage[];
}

export interface KnownImage {
  /** What people call it. */
  readonly name: string;
  /** Of manifest, config and packed layers. */
  readonly digests: readonly Digest[];
  /** diffIDs, lowest first. */
  readonly layers: readonly Digest[];
}

/** Findings with their owners, in an order that does not depend on the kernel. */
export function judgeFindings(findings: readonly Finding[], known: KnownOwners): OwnedThing[] {
  const ownerOf = owners(known);
  return findings
    .map(({ kind, name, claim }) => {
      const owner = ownerOf(claim);
      return owner === undefined ? { kind, name } : { kind, name, owner };
    })
    .sort((a, b) => compare(a.kind, b.kind) || compare(a.name, b.name));
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function owners({
  pods,
  links,
  volumes,
  images,
}: KnownOwners): (claim: Claim) => string | undefined {
  const digests = new Map<string, string>();
  const layers = new Map<string, string>();
  for (const image of images) {
    for (const digest of image.digests) digests.set(hexOf(digest), `image ${image.name}`);
    const chain = chainIds(image.layers);
    image.layers.forEach((diffId, index) => {
      for (const name of layerNames(diffId, chain[index] ?? diffId)) {
        layers.set(name, `image ${image.name}`);
      }
    });
  }
  const pod = (uid: string | undefined): string | undefined => {
    const name = uid === undefined ? undefined : pods.get(uid);
    return name === undefined ? undefined : `pod ${name}`;
  };
  const link = (uid: string | undefined): string | undefined =>
    uid === "" ? "instance" : pod(uid);
  return (claim) => {
    if (claim === "instance") return "instance";
    if (claim === "nobody") return undefined;
    if ("pod" in claim) return pod(claim.pod);
    if ("link" in claim) return link(links.get(claim.link));
    if ("volume" in claim) return volumes.has(claim.volume) ? `volume ${claim.volume}` : undefined;
    if ("digest" in claim) return digests.get(claim.digest);
    return layers.get(claim.layer);
  };
}
