/**
 * Takes away what has no owner any more, and does what the deletion policies ask for:
 *
 *   Background   the owner is gone ─▶ objects that name no other owner are deleted
 *   Foreground   the owner waits for its dependents: finalizer foregroundDeletion
 *   Orphan       the dependents forget their owner first: finalizer orphan
 *
 * It follows every change and keeps only who depends on whom. An owner of a kind that nspod does not know counts as
 * there. Source: Kubernetes, "Garbage Collection", "Owners and Dependents".
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { policyFinalizers } from "../spec/deletion.ts";
import type { OwnerReference } from "../spec/meta.ts";
import { type KubernetesObject, resourceOfKind } from "../spec/resources.ts";
import { changeObject } from "../store/change-object.ts";
import { deleteObject, finishDeletion } from "../store/delete-object.ts";
import type { Store } from "../store/store.ts";
import type { WatchEvent } from "../store/watch-event.ts";
import { KeyQueue } from "./key-queue.ts";
import { keyOf, objectKey, splitKey } from "./object-key.ts";

export interface ControllerOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

const { Foreground: foreground, Orphan: orphan } = policyFinalizers;

export class GarbageCollector implements Disposable {
  readonly #options: ControllerOptions;
  readonly #queue: KeyQueue;
  /** Uid of an owner → keys of the objects that name it. */
  readonly #dependents = new Map<string, Set<string>>();
  #stop: () => void = () => undefined;

  constructor(options: ControllerOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (key) => this.#reconcile(key) });
  }

  /** Looks at what an earlier daemon left, and follows every change from then on. */
  start(): void {
    const { store } = this.#options;
    const stop = store.follow((change) => this.#notice(change));
    // Reads every object once: not in the way of the first request.
    const first = setImmediate(() => {
      for (const word of ['"ownerReferences":', `"${foreground}"`, `"${orphan}"`]) {
        for (const object of store.search<KubernetesObject>(word)) {
          this.#notice({ type: "ADDED", object });
        }
      }
    });
    this.#stop = () => {
      clearImmediate(first);
      stop();
    };
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#queue[Symbol.dispose]();
  }

  #notice({ type, object }: WatchEvent<KubernetesObject>): void {
    const key = keyOf(object);
    const { ownerReferences = [], uid, deletionTimestamp, finalizers = [] } = object.metadata;
    if (type === "DELETED") {
      for (const dependent of this.#dependents.get(uid) ?? []) this.#queue.add(dependent);
      for (const owner of ownerReferences) {
        this.#forget(owner.uid, key);
        // It may wait for its last dependent.
        this.#queue.add(ownerKey(owner, object));
      }
      return;
    }
    for (const owner of ownerReferences) {
      const known = this.#dependents.get(owner.uid) ?? new Set();
      if (known.has(key)) continue;
      this.#dependents.set(owner.uid, known.add(key));
      this.#queue.add(key);
    }
    const hasPolicy = finalizers.includes(foreground) || finalizers.includes(orphan);
    if (deletionTimestamp !== undefined && hasPolicy) this.#queue.add(key);
  }

  #forget(owner: string, dependent: string): void {
    const known = this.#dependents.get(owner);
    known?.delete(dependent);
    if (known?.size === 0) this.#dependents.delete(owner);
  }

  #reconcile(key: string): undefined {
    const object = this.#options.store.get<KubernetesObject>(...splitKey(key));
    if (object === undefined) return;
    const { deletionTimestamp, finalizers = [] } = object.metadata;
    if (deletionTimestamp !== undefined && finalizers.includes(orphan)) this.#orphan(object);
    else if (deletionTimestamp !== undefined && finalizers.includes(foreground))
      this.#empty(object);
    else this.#checkOwners(object);
  }

  /** The dependents forget their owner, which may go then. */
  #orphan(owner: KubernetesObject): void {
    for (const dependent of this.#dependentsOf(owner))
      this.#disown(dependent, [owner.metadata.uid]);
    this.#release(owner, orphan);
  }

  /** The dependents that no other owner keeps go, and their owner after those that hold it. */
  #empty(owner: KubernetesObject): void {
    let isHeld = false;
    for (const dependent of this.#dependentsOf(owner)) {
      const { metadata } = dependent;
      if (this.#hasOtherOwner(dependent, owner)) {
        this.#disown(dependent, [owner.metadata.uid]);
        continue;
      }
      const reference = metadata.ownerReferences?.find(({ uid }) => uid === owner.metadata.uid);
      isHeld ||= reference?.blockOwnerDeletion === true;
      if (metadata.deletionTimestamp !== undefined) continue;
      this.#delete(dependent, this.#dependents.has(metadata.uid) ? "Foreground" : "Background");
    }
    // Their end brings the owner here again.
    if (!isHeld || this.#dependentsOf(owner).length === 0) this.#release(owner, foreground);
  }

  /** Whether an owner is there that does not wait for its dependents, too. */
  #hasOtherOwner(dependent: KubernetesObject, { metadata: { uid } }: KubernetesObject): boolean {
    return (dependent.metadata.ownerReferences ?? []).some((owner) => {
      if (owner.uid === uid || this.#isGone(owner, dependent)) return false;
      const found = this.#options.store.get<KubernetesObject>(
        ...splitKey(ownerKey(owner, dependent)),
      );
      const { deletionTimestamp, finalizers = [] } = found?.metadata ?? {};
      return deletionTimestamp === undefined || !finalizers.includes(foreground);
    });
  }

  /** Without any owner that is left an object goes; with one it forgets the others. */
  #checkOwners(object: KubernetesObject): void {
    const owners = object.metadata.ownerReferences ?? [];
    const gone = owners.filter((owner) => this.#isGone(owner, object));
    if (gone.length === 0) return;
    if (gone.length < owners.length)
      this.#disown(
        object,
        gone.map(({ uid }) => uid),
      );
    else if (object.metadata.deletionTimestamp === undefined) this.#delete(object, "Background");
  }

  #isGone(owner: OwnerReference, dependent: KubernetesObject): boolean {
    const resource = resourceOfKind(owner.kind);
    if (resource === undefined || resource.apiVersion !== owner.apiVersion) return false;
    const found = this.#options.store.get<KubernetesObject>(
      ...splitKey(ownerKey(owner, dependent)),
    );
    return found?.metadata.uid !== owner.uid;
  }

  #dependentsOf({ metadata }: KubernetesObject): readonly KubernetesObject[] {
    const keys = [...(this.#dependents.get(metadata.uid) ?? [])];
    return keys.flatMap((key) => {
      const object = this.#options.store.get<KubernetesObject>(...splitKey(key));
      const isDependent = object?.metadata.ownerReferences?.some(({ uid }) => uid === metadata.uid);
      return object !== undefined && isDependent === true ? [object] : [];
    });
  }

  #delete(object: KubernetesObject, propagationPolicy: "Background" | "Foreground"): void {
    const { store, clock } = this.#options;
    deleteObject(store, object, { propagationPolicy, nowMs: clock.now() });
  }

  #disown(object: KubernetesObject, owners: readonly string[]): void {
    for (const owner of owners) this.#forget(owner, keyOf(object));
    this.#change(object, (metadata) => {
      const kept = metadata.ownerReferences?.filter(({ uid }) => !owners.includes(uid)) ?? [];
      const { ownerReferences: _, ...rest } = metadata;
      return kept.length === 0 ? rest : { ...rest, ownerReferences: kept };
    });
  }

  #release(object: KubernetesObject, finalizer: string): void {
    const released = this.#change(object, (metadata) => {
      const kept = metadata.finalizers?.filter((name) => name !== finalizer) ?? [];
      const { finalizers: _, ...rest } = metadata;
      return kept.length === 0 ? rest : { ...rest, finalizers: kept };
    });
    if (released !== undefined) finishDeletion(this.#options.store, released);
  }

  #change(
    object: KubernetesObject,
    change: (metadata: KubernetesObject["metadata"]) => KubernetesObject["metadata"],
  ): KubernetesObject | undefined {
    return changeObject<KubernetesObject>(this.#options.store, object, (current) => ({
      ...current,
      metadata: change(current.metadata),
    }));
  }
}

/** Owners are in the namespace of their dependents or belong to the cluster. */
function ownerKey({ kind, name }: OwnerReference, dependent: KubernetesObject): string {
  const isNamespaced = resourceOfKind(kind)?.isNamespaced ?? true;
  return objectKey(kind, isNamespaced ? dependent.metadata.namespace : "", name);
}
