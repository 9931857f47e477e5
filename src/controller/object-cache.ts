/**
 * Objects of some kinds in memory, by name and by who controls them, as of the last commit: what controllers read. The
 * store tells of each commit before whoever wrote goes on, so that nobody acts on what was before its own writes: where
 * Kubernetes must expect what a watch has not told yet, there is nothing to wait for.
 */
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";
import type { StoredObject, WatchEvent } from "../store/watch-event.ts";
import { controllerOf } from "./ownership.ts";

/** A change with what was before, when the cache holds objects of this kind. */
export interface CacheChange {
  readonly type: WatchEvent<StoredObject>["type"];
  readonly object: StoredObject;
  readonly previous?: StoredObject | undefined;
}

export class ObjectCache implements Disposable {
  readonly #store: Store;
  readonly #kinds: ReadonlySet<string>;
  /** Kind and namespace → name → object. */
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  /** Kind and uid of who controls them → uid → object. */
  readonly #owned = new Map<string, Map<string, StoredObject>>();
  readonly #listeners = new Set<(change: CacheChange) => void>();
  #unfollow: () => void = () => undefined;

  constructor(store: Store, kinds: readonly string[]) {
    this.#store = store;
    this.#kinds = new Set(kinds);
  }

  /** Reads what is there, and follows every change from then on. */
  start(): void {
    this.#unfollow = this.#store.follow((change) => this.#notice(change));
    for (const kind of this.#kinds) {
      for (const object of this.#store.list<StoredObject>(kind).items) this.#put(object);
    }
  }

  /** Calls `listener` after a change of any kind; it must not write to the store. */
  follow(listener: (change: CacheChange) => void): void {
    this.#listeners.add(listener);
  }

  /** T is the type of the kind. */
  get<T extends KubernetesObject>(kind: string, namespace: string, name: string): T | undefined {
    return this.#objects.get(`${kind}/${namespace}`)?.get(name) as T | undefined;
  }

  /** Objects of a kind in one namespace, in no order that means anything. */
  list<T extends KubernetesObject>(kind: string, namespace: string): readonly T[] {
    return [...(this.#objects.get(`${kind}/${namespace}`)?.values() ?? [])] as unknown as T[];
  }

  /** Objects of a kind that an object controls. */
  owned<T extends KubernetesObject>(
    kind: string,
    { uid }: KubernetesObject["metadata"],
  ): readonly T[] {
    return [...(this.#owned.get(`${kind}/${uid}`)?.values() ?? [])] as unknown as T[];
  }

  all<T extends KubernetesObject>(kind: string): readonly T[] {
    const maps = [...this.#objects].filter(([key]) => key.startsWith(`${kind}/`));
    return maps.flatMap(([, objects]) => [...objects.values()]) as unknown as T[];
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#listeners.clear();
  }

  #notice({ type, object }: WatchEvent<StoredObject>): void {
    const { kind, metadata } = object;
    const isHeld = this.#kinds.has(kind);
    const previous = this.#objects.get(`${kind}/${metadata.namespace}`)?.get(metadata.name);
    if (isHeld && previous !== undefined) this.#remove(previous);
    if (isHeld && type !== "DELETED") this.#put(object);
    for (const listener of this.#listeners) listener({ type, object, previous });
  }

  #put(object: StoredObject): void {
    const { kind, metadata } = object;
    putInto(this.#objects, `${kind}/${metadata.namespace}`, metadata.name, object);
    const owner = controllerOf(object);
    if (owner !== undefined) putInto(this.#owned, `${kind}/${owner.uid}`, metadata.uid, object);
  }

  #remove(object: StoredObject): void {
    const { kind, metadata } = object;
    removeFrom(this.#objects, `${kind}/${metadata.namespace}`, metadata.name);
    const owner = controllerOf(object);
    if (owner !== undefined) removeFrom(this.#owned, `${kind}/${owner.uid}`, metadata.uid);
  }
}

type Index = Map<string, Map<string, StoredObject>>;

function putInto(index: Index, group: string, key: string, object: StoredObject): void {
  const objects = index.get(group) ?? new Map<string, StoredObject>();
  index.set(group, objects.set(key, object));
}

function removeFrom(index: Index, group: string, key: string): void {
  const objects = index.get(group);
  objects?.delete(key);
  if (objects?.size === 0) index.delete(group);
}
