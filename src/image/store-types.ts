/** What the image store tells its callers: images, progress and reports. Plain data. */
import type { Readable } from "node:stream";
import type { Digest } from "../base/ids.ts";
import type { ImageConfig } from "./oci-types.ts";

/** An image that is complete: verified, unpacked and durable. */
export interface StoredImage {
  /** Digest of the config: what `docker images` calls IMAGE ID. */
  readonly id: Digest;
  readonly manifest: Digest;
  /** Full names, sorted; empty when every name was taken away. */
  readonly names: readonly string[];
  /** Bytes of files in all unpacked layers. */
  readonly sizeBytes: number;
  /** RFC 3339 as the config says; "" when it does not. */
  readonly createdAt: string;
  readonly config: ImageConfig;
  /** diffIDs, lowest first. */
  readonly layers: readonly Digest[];
}

/** Where an archive comes from. `path` may also be the folder of an OCI layout. */
export type ImageSource = { readonly path: string } | { readonly stream: Readable };

/** One step of an import; bytes count up to `totalBytes` when that is known. */
export interface Progress {
  readonly stage: "reading" | "unpacking";
  readonly doneBytes: number;
  readonly totalBytes?: number;
  /** Layers that are complete, and how many there are. */
  readonly doneLayers: number;
  readonly totalLayers: number;
}

export interface LoadOptions {
  readonly onProgress?: (progress: Progress) => void;
  readonly signal?: AbortSignal;
  /** Refuses (AlreadyExists) to move a name that exists to another image. */
  readonly keepExisting?: boolean;
}

export interface ImportRootfsOptions extends LoadOptions {
  /** Name of the new image. */
  readonly reference: string;
  /** Parts of the image's config, e.g. `{ Cmd: ["/bin/sh"] }`. */
  readonly changes?: ImageConfig["config"];
}

/** A name that belonged to another image before. */
export interface MovedName {
  readonly name: string;
  /** Image IDs. */
  readonly from: Digest;
  readonly to: Digest;
}

export interface LoadedImage {
  readonly image: StoredImage;
  readonly moved: readonly MovedName[];
  /** The store had this image before. */
  readonly existed: boolean;
  /** Sentences about what was left out, e.g. extended attributes. */
  readonly warnings: readonly string[];
}

export interface RemovedReport {
  /** Full names that are gone. */
  readonly untagged: readonly string[];
  /** Images that are gone. */
  readonly deleted: readonly Digest[];
}

export interface PruneReport extends RemovedReport {
  /** Bytes of removed blobs and unpacked layers. */
  readonly freedBytes: number;
}
