/**
 * Objects of some kinds in memory, as of the last commit: what controllers read. The store tells of each commit
 * before whoever wrote goes on, so that nobody acts on what was before its own writes: where Kubernetes must expect
 * what a watch has not told yet, there is nothing to wait for.
 */
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";
import type { StoredObject, WatchEvent } from "../store/watch-event.ts";

/** A change with what was before. */
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

  /** Calls `listener` after a change; it must not write to the store. */
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

  all<T extends KubernetesObject>(kind: string): readonly T[] {
    const maps = [...this.#objects].filter(([key]) => key.startsWith(`${kind}/`));
    return maps.flatMap(([, objects]) => [...objects.values()]) as unknown as T[];
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#listeners.clear();
  }

  #notice({ type, object }: WatchEvent<StoredObject>): void {
    if (!this.#kinds.has(object.kind)) return;
    const { namespace, name } = object.metadata;
    const previous = this.#objects.get(`${object.kind}/${namespace}`)?.get(name);
    if (type === "DELETED") this.#remove(object);
    else this.#put(object);
    for (const listener of this.#listeners) listener({ type, object, previous });
  }

  #put(object: StoredObject): void {
    const { namespace, name } = object.metadata;
    const key = `${object.kind}/${namespace}`;
    const objects = this.#objects.get(key) ?? new Map<string, StoredObject>();
    this.#objects.set(key, objects.set(name, object));
  }

  #remove({ kind, metadata }: StoredObject): void {
    const key = `${kind}/${metadata.namespace}`;
    const objects = this.#objects.get(key);
    objects?.delete(metadata.name);
    if (objects?.size === 0) this.#objects.delete(key);
  }
}
