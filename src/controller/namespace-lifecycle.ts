/**
 * The end of a namespace, and the service account that each one has while it lives:
 *
 *   deleted ─▶ Terminating ─▶ everything in it is deleted ─▶ nothing is left ─▶ finalizer "kubernetes" goes ─▶ gone
 *
 * Events go last: what dies still says so. Source: Kubernetes, "Namespaces"; core/v1 NamespaceSpec "finalizers".
 */
import type { Namespace } from "../spec/kubernetes.gen.ts";
import { type KubernetesObject, resources } from "../spec/resources.ts";
import { changeObject } from "../store/change-object.ts";
import { deleteObject, finishDeletion } from "../store/delete-object.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { ensureServiceAccount } from "./first-objects.ts";
import type { CacheChange } from "./object-cache.ts";

type Context = Pick<ControllerContext, "store" | "cache" | "clock">;

const finalizer = "kubernetes";

export class NamespaceLifecycle implements Controller<Namespace> {
  readonly kind = "Namespace";
  readonly dependents: readonly string[] = [];
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /** What goes, or came in between, while the namespace is ending; the service account that it always has. */
  concerns({ type, object: { kind, metadata } }: CacheChange): Iterable<Namespace> {
    const found = this.#context.cache.get<Namespace>(this.kind, "", metadata.namespace);
    if (found === undefined) return [];
    const isEnding = found.metadata.deletionTimestamp !== undefined;
    const isLostAccount =
      type === "DELETED" && kind === "ServiceAccount" && metadata.name === "default";
    return isEnding || isLostAccount ? [found] : [];
  }

  reconcile(namespace: Namespace): undefined {
    const { store, clock } = this.#context;
    if (namespace.metadata.deletionTimestamp === undefined) {
      ensureServiceAccount(store, namespace, clock.now());
    } else if (this.#clear(namespace.metadata.name)) this.#release(namespace);
  }

  /** Deletes everything in a namespace. @returns whether nothing is left. */
  #clear(namespace: string): boolean {
    const kinds = resources.filter(({ isNamespaced }) => isNamespaced).map(({ kind }) => kind);
    const others = kinds.filter((kind) => kind !== "Event");
    const isEmpty = others.map((kind) => this.#clearKind(kind, namespace)).every(Boolean);
    return isEmpty && this.#clearKind("Event", namespace);
  }

  #clearKind(kind: string, namespace: string): boolean {
    const { store, clock } = this.#context;
    let left = 0;
    for (const object of store.list<KubernetesObject>(kind, namespace).items) {
      const isMarked = object.metadata.deletionTimestamp !== undefined;
      const deletion = isMarked ? undefined : deleteObject(store, object, { nowMs: clock.now() });
      if (deletion?.isGone !== true) left++;
    }
    return left === 0;
  }

  #release(namespace: Namespace): void {
    const { store } = this.#context;
    const released = changeObject<Namespace>(store, namespace, (current) => ({
      ...current,
      spec: { finalizers: (current.spec?.finalizers ?? []).filter((name) => name !== finalizer) },
    }));
    if (released !== undefined) finishDeletion(store, released);
  }
}
