/**
 * The tables that decode ObjectMeta; by hand, because nspod fills in more of it than Kubernetes' types say.
 * Source: Kubernetes API reference, meta/v1.
 */
import type { ObjectMeta, OwnerReference } from "./meta.ts";
import {
  any,
  boolean,
  int64,
  list,
  map,
  object,
  orZero,
  required,
  type Schema,
  string,
  timestamp,
} from "./schema.ts";

const ownerReference = object<OwnerReference>({
  apiVersion: required(string),
  kind: required(string),
  name: required(string),
  uid: required(string),
  controller: boolean,
  blockOwnerDeletion: boolean,
});

/** What an API server writes and nobody else: an object that was read from one may carry it. */
interface ServerFields {
  readonly managedFields?: readonly unknown[];
  readonly selfLink?: string;
}

const written: Schema<ObjectMeta & ServerFields> = object<ObjectMeta & ServerFields>({
  name: orZero(string),
  generateName: string,
  namespace: orZero(string),
  uid: orZero(string),
  resourceVersion: string,
  generation: int64,
  creationTimestamp: timestamp,
  deletionTimestamp: timestamp,
  deletionGracePeriodSeconds: int64,
  labels: map(string),
  annotations: map(string),
  ownerReferences: list(ownerReference),
  finalizers: list(string),
  managedFields: list(any),
  selfLink: string,
});

/** `name`, `namespace` and `uid` may be missing and are then empty; what only a server writes is left out. */
export const objectMeta: Schema<ObjectMeta> = {
  zero: written.zero,
  decode(value, path, context) {
    const { managedFields: _, selfLink: __, ...metadata } = written.decode(value, path, context);
    return metadata;
  },
};
