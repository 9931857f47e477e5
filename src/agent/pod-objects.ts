/**
 * The objects that pods of the node refer to, each followed by its name as long as a pod needs it: the rights of a
 * kubelet are no wider.
 *
 *   pod ─▶ podReferences ─▶ one reflector per object ─▶ mirror        a claim ─▶ its volume
 */
import { PodError } from "../base/errors.ts";
import type { PersistentVolumeClaim } from "../spec/kubernetes.gen.ts";
import type { ObjectReader } from "../spec/object-reader.ts";
import type { Pod } from "../spec/pod.ts";
import { podReferences } from "../spec/pod-references.ts";
import { type Resource, resourceOfKind } from "../spec/resources.ts";
import type { Reflector } from "./reflector.ts";

export interface PodObjectsOptions {
  readonly objects: ObjectReader;
  /** Begins to follow one object. */
  readonly follow: (resource: Resource, namespace: string, name: string) => Reflector;
}

interface Followed {
  readonly reflector: Reflector;
  readonly uids: Set<string>;
}

/** Tokens stand for it (remote-tokens.ts): who runs pods may not read accounts. */
const unread: ReadonlySet<string> = new Set(["ServiceAccount"]);

export class PodObjects implements Disposable {
  readonly #options: PodObjectsOptions;
  readonly #followed = new Map<string, Followed>();

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
    for (const [key, { reflector, uids }] of this.#followed) {
      if (!uids.delete(uid) || uids.size > 0) continue;
      this.#followed.delete(key);
      reflector[Symbol.dispose]();
    }
  }

  [Symbol.dispose](): void {
    for (const { reflector } of this.#followed.values()) reflector[Symbol.dispose]();
    this.#followed.clear();
  }

  async #ensure(uid: string, kind: string, namespace: string, name: string): Promise<void> {
    const key = `${kind}/${namespace}/${name}`;
    let followed = this.#followed.get(key);
    if (followed === undefined) {
      const resource = resourceOfKind(kind);
      if (resource === undefined) throw new PodError("Internal", `"${kind}" is no kind`);
      const reflector = this.#options.follow(resource, namespace, name);
      followed = { reflector, uids: new Set() };
      this.#followed.set(key, followed);
    }
    followed.uids.add(uid);
    // What was known once is good enough while the server is away.
    if (!followed.reflector.isSynced) await followed.reflector.tried;
  }
}
