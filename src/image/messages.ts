/**
 * What the image store and its helper processes say to each other: one JSON object per line, tasks
 * on the helper's stdin, reports on its stdout. Content arrives on descriptor 3.
 *
 *   store → helper   task   [ "lower-ready" | "sync" ]
 *   helper → store   progress* warning*   done | error
 */
import type { ErrorKind } from "../base/errors.ts";
import type { Digest } from "../base/ids.ts";
import type { Compression } from "./decompress.ts";
import type { ImportLimits } from "./limits.ts";

export type Task = ReadTask | UnpackTask | RemoveTask;

/** Reads an archive (or OCI layout folder) into numbered files and plans its images. */
export interface ReadTask {
  readonly task: "read";
  /** Empty folder for the files; the helper's root. */
  readonly folder: string;
  /** Folders whose file systems "sync" flushes. */
  readonly syncFolders: readonly string[];
  /** Large blobs that need not be written again: digest and size. */
  readonly known: readonly (readonly [Digest, number])[];
  readonly limits: ImportLimits;
  /** The content is a bare tree (image import), not an archive of images. */
  readonly rootfs?: RootfsTask;
  /** File name of the archive without folder and suffix; names images that have only a tag. */
  readonly stem: string;
}

export interface RootfsTask {
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  readonly config: object;
}

/** Unpacks one layer, or only checks its diffID. */
export interface UnpackTask {
  readonly task: "unpack";
  /** Empty folder; undefined: check only. */
  readonly folder?: string;
  /** Folders of the layers below, the uppermost first; complete after "lower-ready". */
  readonly lower: readonly string[];
  readonly packedSize: number;
  readonly compression: Compression;
  readonly diffId: Digest;
  /** The bytes are known to have this digest: a plain tar whose blob digest is the diffID. */
  readonly isVerified: boolean;
  readonly limits: ImportLimits;
}

/** Empties a folder. */
export interface RemoveTask {
  readonly task: "remove";
  readonly folder: string;
}

export interface PlannedLayer {
  readonly digest: Digest;
  readonly size: number;
  readonly diffId: Digest;
  readonly compression: Compression;
}

export interface PlannedImage {
  /** Full names. */
  readonly names: readonly string[];
  readonly manifest: { readonly digest: Digest; readonly size: number; readonly mediaType: string };
  readonly config: Digest;
  /** Lowest first. */
  readonly layers: readonly PlannedLayer[];
}

export interface ReadResult {
  readonly images: readonly PlannedImage[];
  /** Number of the file that holds a blob; blobs that the store has are not listed. */
  readonly files: readonly (readonly [Digest, number])[];
}

export interface UnpackResult {
  /** Bytes of files. */
  readonly fileBytes: number;
  readonly dependsOnLower: boolean;
}

export type Report =
  | { readonly type: "progress"; readonly bytes: number }
  | { readonly type: "warning"; readonly sentence: string }
  | { readonly type: "done"; readonly result: unknown }
  | { readonly type: "synced" }
  | { readonly type: "error"; readonly kind: ErrorKind; readonly message: string };

export type Note = "lower-ready" | "sync";
