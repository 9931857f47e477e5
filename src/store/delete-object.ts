/** Deletion in two steps, for everybody who deletes: the door, the garbage collector, the end of a namespace. */
import { type DeletionWish, isHeld, markDeleted } from "../spec/deletion.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "./store.ts";

export interface Deletion<T> {
  /** As it is now; the last state when it is gone. */
  readonly object: T;
  readonly isGone: boolean;
}

/**
 * Begins the deletion of an object, and ends it when nothing holds the object. Not durable: `store.flush()`.
 * @param object - names it; its uid, when there is one, must be that of the stored object.
 * @returns undefined when it does not exist.
 */
export function deleteObject<T extends KubernetesObject>(
  store: Store,
  { kind, metadata }: Pick<KubernetesObject, "kind" | "metadata">,
  wish: DeletionWish,
): Deletion<T> | undefined {
  const { namespace, name, uid } = metadata;
  let isFree = false;
  const marked = store.mutate<T>(
    kind,
    namespace,
    name,
    (current) => {
      if (uid !== "" && current.metadata.uid !== uid) return undefined;
      const next = markDeleted(current, wish);
      isFree = next === undefined;
      return next;
    },
    { durable: false },
  );
  if (marked === undefined || (uid !== "" && marked.metadata.uid !== uid)) return undefined;
  return isFree ? remove(store, marked) : { object: marked, isGone: false };
}

/** Takes a marked object away when its last finalizer has gone; others stay. Pods go when the node has stopped them. */
export function finishDeletion<T extends KubernetesObject>(store: Store, object: T): Deletion<T> {
  const isFree = object.metadata.deletionTimestamp !== undefined && !isHeld(object);
  return isFree ? remove(store, object) : { object, isGone: false };
}

function remove<T extends KubernetesObject>(store: Store, object: T): Deletion<T> {
  const { kind, metadata } = object;
  const { namespace, name, uid } = metadata;
  const last = store.delete<T>(kind, namespace, name, uid, { durable: false });
  return { object: last ?? object, isGone: true };
}
