/**
 * The store's own OCI image layout on disk, readable by other tools:
 *
 *   images/oci-layout                {"imageLayoutVersion": "1.0.0"}
 *   images/index.json                one descriptor per name; an image without a name has one too
 *   images/blobs/sha256/<64 hex>     manifests, configs, packed layers
 *   layers/<diffID hex>/             an unpacked layer that depends on nothing below it
 *   layers/chain-<chainID hex>/      one that took something from the layers below (decision 0101)
 *   {images,layers}/tmp-<random>/    work of an import that is not complete
 *
 * Invariant: index.json is written last, so whatever it names is complete. Blob and folder names
 * are made of checked digests only.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { atomicWrite } from "../base/atomic-write.ts";
import { hasCode, PodError } from "../base/errors.ts";
import type { Digest } from "../base/ids.ts";
import { decodeIndex, documentLimits, parseJson } from "./decode-documents.ts";
import { annotations, type Descriptor, mediaTypes } from "./oci-types.ts";

/** Folders of one store; all absolute. */
export interface LayoutPaths {
  readonly images: string;
  readonly blobs: string;
  readonly layers: string;
  readonly index: string;
  /** Locked (flock, shared) by every import, so that nobody takes its work for rubbish. */
  readonly lock: string;
}

export function layoutPaths(root: string): LayoutPaths {
  const images = join(root, "images");
  return {
    images,
    blobs: join(images, "blobs", "sha256"),
    layers: join(root, "layers"),
    index: join(images, "index.json"),
    lock: join(images, "lock"),
  };
}

/** Makes the folders (0700: unpacked setuid files must be out of reach of host users). */
export function ensureLayout(paths: LayoutPaths): void {
  mkdirSync(paths.blobs, { recursive: true, mode: 0o700 });
  mkdirSync(paths.layers, { recursive: true, mode: 0o700 });
  writeFileSync(paths.lock, "", { flag: "a", mode: 0o600 });
  const marker = join(paths.images, "oci-layout");
  if (!existsSync(marker)) atomicWrite(marker, '{"imageLayoutVersion":"1.0.0"}');
  if (!existsSync(paths.index)) writeIndex(paths, []);
}

export function digestOf(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}` as Digest;
}

/** A stored blob is not what it was when it was loaded. */
export function damagedBlob(digest: Digest): PodError {
  return new PodError(
    "FailedPrecondition",
    `blob ${digest} is damaged on the disk: remove the image and load it again`,
  );
}

export function hexOf(digest: Digest): string {
  return digest.slice("sha256:".length);
}

export function blobPath(paths: LayoutPaths, digest: Digest): string {
  return join(paths.blobs, hexOf(digest));
}

/** Size of a stored blob, or undefined when the store does not have it. */
export function blobSize(paths: LayoutPaths, digest: Digest): number | undefined {
  return statSync(blobPath(paths, digest), { throwIfNoEntry: false })?.size;
}

/** OCI image-spec "Layer ChainID" of every layer, lowest first. */
export function chainIds(diffIds: readonly Digest[]): readonly Digest[] {
  const chain: Digest[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(Buffer.from(`${below} ${diffId}`)));
  }
  return chain;
}

/** Names that the unpacked layer may have, the one for an independent layer first. */
export function layerNames(diffId: Digest, chainId: Digest): readonly [string, string] {
  return [hexOf(diffId), `chain-${hexOf(chainId)}`];
}

/** Absolute folder of an unpacked layer; undefined when there is none. */
export function findLayer(paths: LayoutPaths, diffId: Digest, chainId: Digest): string | undefined {
  const [independent, chained] = layerNames(diffId, chainId);
  // The chained one first: an independent folder cannot come from the same layer.
  return [chained, independent]
    .map((name) => join(paths.layers, name))
    .find((path) => existsSync(path));
}

export function readIndex(paths: LayoutPaths): readonly Descriptor[] {
  let bytes: Buffer;
  try {
    bytes = readFileSync(paths.index);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return [];
    throw error;
  }
  const what = JSON.stringify(paths.index);
  return decodeIndex(parseJson(bytes, what, documentLimits.index), what).manifests;
}

export function writeIndex(paths: LayoutPaths, manifests: readonly Descriptor[]): void {
  const index = { schemaVersion: 2, mediaType: mediaTypes.index[0], manifests };
  atomicWrite(paths.index, JSON.stringify(index));
}

/**
 * A descriptor of index.json for one name (or for none).
 * @param layerBytes - bytes of files of each layer, lowest first.
 */
export function indexEntry(
  manifest: Descriptor,
  name: string | undefined,
  layerBytes: readonly number[],
): Descriptor {
  return {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.size,
    ...(manifest.platform === undefined ? {} : { platform: manifest.platform }),
    annotations: {
      ...(name === undefined ? {} : { [annotations.imageName]: name, [annotations.refName]: name }),
      [annotations.layerBytes]: layerBytes.join(","),
    },
  };
}
