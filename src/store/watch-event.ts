/** What a watch delivers, with the words of the Kubernetes API (meta/v1 WatchEvent). */
import type { ObjectMeta } from "../spec/meta.ts";

/** The least that an object must have to be stored. */
export interface StoredObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** DELETED carries the last state with the revision of the deletion. */
export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  /** BOOKMARK: only apiVersion, kind and metadata.resourceVersion mean something. */
  readonly object: T;
  /** The state before a MODIFIED, when `previous` was asked for and the log still knows it. */
  readonly previous?: T;
}

export interface WatchOptions {
  /** Only objects of this namespace. */
  readonly namespace?: string;
  /**
   * Begin after this resourceVersion. Absent: begin with an ADDED of everything there is.
   * @remarks A version that the log no longer (or not yet) holds is "Expired".
   */
  readonly from?: string;
  /** Ends the watch: the iteration finishes without an error. */
  readonly signal: AbortSignal;
  /** Also send BOOKMARK: after the initial state, and when only other kinds change for long. */
  readonly bookmarks?: boolean;
  /** Fill `previous` of MODIFIED. */
  readonly previous?: boolean;
}
