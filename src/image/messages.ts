/**
 * What the image store and its helper processes say to each other: one JSON object per line, tasks
 * on the helper's stdin, reports on its stdout. Content is on descriptor 3: of an archive since the
 * helper was started, of a layer since it got the task.
 *
 *   store → helper   task   [ "lower-ready" | "sync" | grown* ]
 *   helper → store   progress* warning* member* grown*   done | error
 *
 * After "done" of "unpack-early" the helper takes another one, for the same root and sources.
 */
import type { ErrorKind } from "../base/errors.ts";
import type { Digest } from "../base/ids.ts";
import type { Compression } from "./decompress.ts";
import type { ImportLimits } from "./limits.ts";

export type Task = ReadTask | UnpackTask | EarlyUnpackTask | RemoveTask;

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
  /** The packed layer, a file of the store. */
  readonly source: string;
  readonly packedSize: number;
  readonly compression: Compression;
  readonly diffId: Digest;
  /** The bytes are known to have this digest: a plain tar whose blob digest is the diffID. */
  readonly isVerified: boolean;
  readonly limits: ImportLimits;
}

/** Unpacks what may be a layer while its file is still being written (early-unpacking.ts). */
export interface EarlyUnpackTask {
  readonly task: "unpack-early";
  /** The helper's root from now on. */
  readonly root: string;
  /** Empty folder for the files, as a path in that root. */
  readonly folder: string;
  /** Folder of the packed layers. */
  readonly sources: string;
  /** Name of the packed layer in it, as far as it was read. */
  readonly source: string;
  readonly packedSize: number;
  readonly compression: Compression;
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

/** What an early unpacking comes to: files, or that it cannot do without the layers below. */
export type EarlyResult = EarlyFiles | { readonly needsLower: true };

export interface EarlyFiles extends UnpackResult {
  /** Digest of the unpacked bytes; a plain tar has that of its blob and is not hashed again. */
  readonly diffId?: Digest;
  /** Without an entry for the root, it shall be as that of the layer below. */
  readonly isRootDescribed: boolean;
}

/** The archive has a large member that looks like a layer, and its file is growing. */
export interface MemberReport {
  readonly file: number;
  readonly size: number;
  readonly compression: Compression;
}

export type Report =
  | ({ readonly type: "member" } & MemberReport)
  | {
      readonly type: "grown";
      readonly file: number;
      readonly bytes: number;
      readonly isComplete: boolean;
    }
  | { readonly type: "progress"; readonly bytes: number }
  | { readonly type: "warning"; readonly sentence: string }
  | { readonly type: "done"; readonly result: unknown }
  | { readonly type: "synced" }
  | { readonly type: "error"; readonly kind: ErrorKind; readonly message: string };

export type Note = "lower-ready" | "sync" | GrownNote;

/** So many bytes of the file may be read. */
export interface GrownNote {
  readonly grown: number;
  readonly isComplete: boolean;
}
