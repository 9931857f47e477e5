/**
 * The tables that decode ObjectMeta; by hand, because nspod fills in more of it than Kubernetes' types say.
 * Source: Kubernetes API reference, meta/v1.
 */
import type { ObjectMeta, OwnerReference } from "./meta.ts";
import {
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

/** `name`, `namespace` and `uid` may be missing and are then empty. */
export const objectMeta: Schema<ObjectMeta> = object<ObjectMeta>(
  {
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
  },
  { refused: { managedFields: "", selfLink: "" } },
);
