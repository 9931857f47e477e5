/**
 * Metadata that every Kubernetes object carries, with the field names of the JSON form.
 *
 * `name`, `namespace` and `uid` are always present here and empty until defaulting (`default-pod.ts`) or the
 * store fills them: code behind the door never asks "is there a name?".
 * Source: Kubernetes API reference, meta/v1 ObjectMeta.
 */

/** A pointer from an object to the object that made it. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** Identity and bookkeeping of one object. Timestamps are RFC 3339 strings in UTC. */
export interface ObjectMeta {
  readonly name: string;
  /** Prefix for a name that the server completes with five random characters. */
  readonly generateName?: string;
  readonly namespace: string;
  readonly uid: string;
  /** Opaque to clients; compare for equality only. */
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly deletionGracePeriodSeconds?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
}
