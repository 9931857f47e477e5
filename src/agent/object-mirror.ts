/**
 * Objects of an API server in memory, as reflectors (reflector.ts) hear of them. Objects that are equal to what is
 * known are not told again.
 */
import type { ObjectSource } from "../store/object-source.ts";
import type { StoredObject, WatchEvent } from "../store/watch-event.ts";

export class ObjectMirror implements ObjectSource {
  /** kind → `namespace/name` → object. */
  readonly #objects = new Map<string, Map<string, StoredObject>>();
  readonly #listeners = new Set<(change: WatchEvent<StoredObject>) => void>();

  get<T>(kind: string, namespace: string, name: string): T | undefined {
    // T is the type of the kind: who asks says it.
    return this.#objects.get(kind)?.get(`${namespace}/${name}`) as T | undefined;
  }

  list<T>(kind: string, namespace?: string): { readonly items: readonly T[] } {
    const all = [...(this.#objects.get(kind)?.values() ?? [])];
    const items = namespace === undefined ? all : all.filter((each) => isIn(each, namespace));
    return { items: items as readonly unknown[] as readonly T[] };
  }

  follow(listener: (change: WatchEvent<StoredObject>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  put(object: StoredObject): void {
    const objects = this.#objects.get(object.kind) ?? new Map<string, StoredObject>();
    this.#objects.set(object.kind, objects);
    const known = objects.get(keyOf(object));
    if (
      known?.metadata.resourceVersion === object.metadata.resourceVersion &&
      known !== undefined
    ) {
      return;
    }
    // One that was made anew under its name: the old one has gone.
    if (known !== undefined && known.metadata.uid !== object.metadata.uid) this.remove(known);
    objects.set(keyOf(object), object);
    this.#tell({ type: known === undefined ? "ADDED" : "MODIFIED", object });
  }

  remove(object: StoredObject): void {
    const objects = this.#objects.get(object.kind);
    if (objects?.delete(keyOf(object))) this.#tell({ type: "DELETED", object });
  }

  #tell(change: WatchEvent<StoredObject>): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function keyOf({ metadata }: StoredObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function isIn({ metadata }: StoredObject, namespace: string): boolean {
  return metadata.namespace === namespace;
}
