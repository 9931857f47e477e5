/**
 * The documents of the OCI image specification that nspod reads and writes, reduced to the fields
 * it uses. Values come from hostile files: decode-documents.ts checks every one before it gets one
 * of these types.
 *
 * Source: image-spec v1.1 descriptor.md, image-index.md, manifest.md, config.md.
 */
import type { Digest } from "../base/ids.ts";

/** Points at a blob. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Size of the blob in bytes. */
  readonly size: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly platform?: Platform;
}

/** What a manifest of an index is for; Go's names: linux, amd64, arm64, v8. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

export interface ImageIndex {
  readonly manifests: readonly Descriptor[];
}

export interface ImageManifest {
  readonly config: Descriptor;
  /** Packed layers, lowest first. */
  readonly layers: readonly Descriptor[];
}

/** The image config JSON: how to run the image. Names of keys as in the document. */
export interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  /** RFC 3339, or absent. */
  readonly created?: string;
  readonly author?: string;
  readonly config?: RunConfig;
  readonly rootfs: {
    readonly type: "layers";
    /** Digests of the unpacked layer tars, lowest first. */
    readonly diff_ids: readonly Digest[];
  };
  readonly history?: readonly HistoryEntry[];
}

export interface HistoryEntry {
  readonly created?: string;
  readonly created_by?: string;
  readonly comment?: string;
  readonly empty_layer?: boolean;
}

/** The `config` part of an image config. All of it is content, never policy. */
export interface RunConfig {
  /** `user`, `uid`, `user:group`, `uid:gid` …; looked up in the image. */
  readonly User?: string;
  /** Keys like "8080/tcp". */
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  /** "NAME=value". */
  readonly Env?: readonly string[];
  readonly Entrypoint?: readonly string[];
  readonly Cmd?: readonly string[];
  readonly Volumes?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
  readonly Labels?: Readonly<Record<string, string>>;
  /** Name or number, e.g. "SIGTERM" or "15". */
  readonly StopSignal?: string;
}

/** Names of media types by what they hold; the first of each list is what nspod writes. */
export const mediaTypes = {
  index: [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
  ],
  manifest: [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
  ],
  config: [
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
  ],
  layer: [
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.diff.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
    "application/vnd.docker.image.rootfs.diff.tar.zstd",
    // "Foreign" layers are ordinary tars; an archive that holds them may be read.
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
    "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
  ],
} as const;

/** Annotations of descriptors in an index. */
export const annotations = {
  /** OCI: the name (or only the tag) of a manifest in a layout. */
  refName: "org.opencontainers.image.ref.name",
  /** containerd, Docker and buildx: the full name. */
  imageName: "io.containerd.image.name",
  /** Docker marks build attestations, which are no images. */
  referenceType: "vnd.docker.reference.type",
  /** nspod: bytes of files of each layer, lowest first, "1,2,3". Only read from our own index. */
  layerBytes: "dev.nspod.image.layer-bytes",
} as const;
