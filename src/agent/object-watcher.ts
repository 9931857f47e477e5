/**
 * Tells when an object that a pod refers to comes, changes or goes: a pod that waits for a ConfigMap is tried at once,
 * and volumes follow their Secret within a moment.
 *
 *   store.follow ─▶ pods by reference ─▶ onChange(uid)
 */
import type { Pod } from "../spec/pod.ts";
import { podReferences, reference } from "../spec/pod-references.ts";
import type { Store } from "../store/store.ts";

export interface ObjectWatcherOptions {
  readonly store: Pick<Store, "follow">;
  /** Something that this pod refers to is not what it was. */
  readonly onChange: (uid: string) => void;
}

export class ObjectWatcher implements Disposable {
  readonly #unfollow: () => void;
  /** `namespace/Kind/name` → uids of the pods that refer to it. */
  readonly #pods = new Map<string, Set<string>>();
  readonly #references = new Map<string, readonly string[]>();

  /** Tells of changes from now on: what is there already is read by whoever needs it. */
  constructor({ store, onChange }: ObjectWatcherOptions) {
    this.#unfollow = store.follow(({ object }) => {
      const { kind, metadata } = object;
      const key = `${metadata.namespace}/${reference(kind, metadata.name)}`;
      for (const uid of [...(this.#pods.get(key) ?? [])]) onChange(uid);
    });
  }

  /** Takes a pod in, or its new references. */
  track(pod: Pod): void {
    const { uid, namespace } = pod.metadata;
    this.forget(uid);
    const keys = [...podReferences(pod)].map((each) => `${namespace}/${each}`);
    if (keys.length === 0) return;
    this.#references.set(uid, keys);
    for (const key of keys) {
      const pods = this.#pods.get(key) ?? new Set();
      this.#pods.set(key, pods.add(uid));
    }
  }

  forget(uid: string): void {
    for (const key of this.#references.get(uid) ?? []) {
      const pods = this.#pods.get(key);
      pods?.delete(uid);
      if (pods?.size === 0) this.#pods.delete(key);
    }
    this.#references.delete(uid);
  }

  [Symbol.dispose](): void {
    this.#unfollow();
  }
}
