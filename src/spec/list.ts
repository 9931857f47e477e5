/**
 * Lists of objects as the API returns them (`kind: PodList`) and as manifests write them (`kind: List`).
 * Source: Kubernetes API reference, meta/v1 ListMeta.
 */

/** Metadata of a list: the revision it was read at. */
export interface ListMeta {
  readonly resourceVersion?: string;
  readonly continue?: string;
  readonly remainingItemCount?: number;
}

/** A list of objects of one type. `kind` is the item's kind followed by "List", or just "List". */
export interface List<T> {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ListMeta;
  readonly items: readonly T[];
}
