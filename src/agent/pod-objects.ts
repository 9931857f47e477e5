/**
 * The objects that pods of the node refer to, each followed by its name as long as a pod needs it: the rights of a
 * kubelet are no wider.
 *
 *   pod ─▶ podReferences ─┬─ ConfigMap, Secret ─▶ one reflector each ───▶ mirror
 *                         └─ claim ─▶ its volume ─▶ one request each ─────▲
 */
import { PodError } from "../base/errors.ts";
import type { PersistentVolumeClaim } from "../spec/kubernetes.gen.ts";
import type { ObjectReader } from "../spec/object-reader.ts";
import type { Pod } from "../spec/pod.ts";
import { podReferences } from "../spec/pod-references.ts";
import { type Resource, resourceOfKind } from "../spec/resources.ts";

/** An object that is kept in the mirror until it is disposed of. */
export interface KeptObject extends Disposable {
  /**
   * Resolves when the mirror has it, or it is known not to be there.
   * @throws PodError when it could not be asked for and was never known.
   */
  ready(): Promise<void>;
}

export interface PodObjectsOptions {
  readonly objects: ObjectReader;
  /** Begins to keep one object. */
  readonly keep: (resource: Resource, namespace: string, name: string) => KeptObject;
}

interface Kept {
  readonly object: KeptObject;
  readonly uids: Set<string>;
}

/** Tokens stand for it (remote-tokens.ts): who runs pods may not read accounts. */
const unread: ReadonlySet<string> = new Set(["ServiceAccount"]);

export class PodObjects implements Disposable {
  readonly #options: PodObjectsOptions;
  readonly #kept = new Map<string, Kept>();

  constructor(options: PodObjectsOptions) {
    this.#options = options;
  }

  /**
   * Resolves when everything that the pod refers to is known, or known not to be there.
   * @throws PodError of the first object that could not be asked for and was never known.
   */
  async prepare(pod: Pod): Promise<void> {
    const { uid, namespace } = pod.metadata;
    const wanted = [...podReferences(pod)].map((reference): readonly [string, string] => {
      const at = reference.indexOf("/");
      return [reference.slice(0, at), reference.slice(at + 1)];
    });
    const read = wanted.filter(([kind]) => !unread.has(kind));
    await Promise.all(read.map(([kind, name]) => this.#ensure(uid, kind, namespace, name)));
    const volumes = read.flatMap(([kind, name]) => {
      if (kind !== "PersistentVolumeClaim") return [];
      const claim = this.#options.objects.get<PersistentVolumeClaim>(kind, namespace, name);
      return claim?.spec.volumeName ?? [];
    });
    const kind = "PersistentVolume";
    await Promise.all(volumes.map((name) => this.#ensure(uid, kind, "", name)));
  }

  /** The pod is gone. */
  release(uid: string): void {
    for (const [key, { object, uids }] of this.#kept) {
      if (!uids.delete(uid) || uids.size > 0) continue;
      this.#kept.delete(key);
      object[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    for (const { object } of this.#kept.values()) object[Symbol.dispose]();
    this.#kept.clear();
  }

  async #ensure(uid: string, kind: string, namespace: string, name: string): Promise<void> {
    const key = `${kind}/${namespace}/${name}`;
    let kept = this.#kept.get(key);
    if (kept === undefined) {
      const resource = resourceOfKind(kind);
      if (resource === undefined) throw new PodError("Internal", `"${kind}" is no kind`);
      kept = { object: this.#options.keep(resource, namespace, name), uids: new Set() };
      this.#kept.set(key, kept);
    }
    kept.uids.add(uid);
    await kept.object.ready();
  }
}
