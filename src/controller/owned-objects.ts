/**
 * Objects in memory by the owner that controls them, as of the last commit: a controller asks for its dependents
 * with every look, and reading all pods of a namespace each time would cost more than the work itself.
 */
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";
import { controllerOf } from "./ownership.ts";

export class OwnedObjects implements Disposable {
  readonly #store: Store;
  readonly #kinds: ReadonlySet<string>;
  /** Uid of the owner → uid of the object → object. */
  readonly #byOwner = new Map<string, Map<string, KubernetesObject>>();
  /** Uid of the object → uid of its owner. */
  readonly #owners = new Map<string, string>();
  #stop: () => void = () => undefined;

  /** @param kinds - of the dependents. */
  constructor(store: Store, kinds: readonly string[]) {
    this.#store = store;
    this.#kinds = new Set(kinds);
  }

  /** Before the controllers that ask it: they hear of a change after it. */
  start(): void {
    this.#stop = this.#store.follow(({ type, object }) => {
      if (this.#kinds.has(object.kind)) this.#notice(object, type === "DELETED");
    });
    for (const kind of this.#kinds) {
      for (const object of this.#store.list<KubernetesObject>(kind).items) {
        this.#notice(object, false);
      }
    }
  }

  /** What an object controls, of one kind, oldest first. */
  of<T extends KubernetesObject>(kind: T["kind"], ownerUid: string): readonly T[] {
    const owned = [...(this.#byOwner.get(ownerUid)?.values() ?? [])];
    // Of this kind: T is its type.
    return owned.filter((object) => object.kind === kind) as unknown as readonly T[];
  }

  /** Everything of a kind that somebody controls. */
  all<T extends KubernetesObject>(kind: T["kind"]): readonly T[] {
    return [...this.#byOwner.keys()].flatMap((owner) => this.of<T>(kind, owner));
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#byOwner.clear();
    this.#owners.clear();
  }

  #notice(object: KubernetesObject, isGone: boolean): void {
    const { uid } = object.metadata;
    const owner = isGone ? undefined : controllerOf(object)?.uid;
    const before = this.#owners.get(uid);
    if (before !== undefined && before !== owner) {
      const siblings = this.#byOwner.get(before);
      siblings?.delete(uid);
      if (siblings?.size === 0) this.#byOwner.delete(before);
      this.#owners.delete(uid);
    }
    if (owner === undefined) return;
    const siblings = this.#byOwner.get(owner) ?? new Map<string, KubernetesObject>();
    this.#byOwner.set(owner, siblings.set(uid, object));
    this.#owners.set(uid, owner);
  }
}
