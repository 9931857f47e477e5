/**
 * The end of a namespace, and the service account that each one has while it lives:
 *
 *   deleted ─▶ Terminating ─▶ everything in it is deleted ─▶ nothing is left ─▶ finalizer "kubernetes" goes ─▶ gone
 *
 * Events go last: what dies still says so. Source: Kubernetes, "Namespaces"; core/v1 NamespaceSpec "finalizers".
 */
import type { Namespace } from "../spec/kubernetes.gen.ts";
import { type KubernetesObject, resources } from "../spec/resources.ts";
import { deleteObject, finishDeletion } from "../store/delete-object.ts";
import type { WatchEvent } from "../store/watch-event.ts";
import { ensureServiceAccount } from "./first-objects.ts";
import type { ControllerOptions } from "./garbage-collector.ts";
import { KeyQueue } from "./key-queue.ts";

const finalizer = "kubernetes";

export class NamespaceLifecycle implements Disposable {
  readonly #options: ControllerOptions;
  readonly #queue: KeyQueue;
  /** Names of those that wait for their content to go. */
  readonly #ending = new Set<string>();
  #stop: () => void = () => undefined;

  constructor(options: ControllerOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (name) => this.#reconcile(name) });
  }

  start(): void {
    const { store } = this.#options;
    this.#stop = store.follow((change) => this.#notice(change));
    for (const { metadata } of store.list<Namespace>("Namespace").items) {
      if (metadata.deletionTimestamp !== undefined) this.#queue.add(metadata.name);
    }
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#queue[Symbol.dispose]();
  }

  #notice({ type, object }: WatchEvent<KubernetesObject>): void {
    const { kind, metadata } = object;
    if (kind === "Namespace") {
      if (type === "DELETED") this.#ending.delete(metadata.name);
      else if (metadata.deletionTimestamp !== undefined) this.#queue.add(metadata.name);
      return;
    }
    const isLostAccount =
      type === "DELETED" && kind === "ServiceAccount" && metadata.name === "default";
    // Also what came in between is content: the request that made it saw a living namespace.
    if (this.#ending.has(metadata.namespace) || isLostAccount) this.#queue.add(metadata.namespace);
  }

  #reconcile(name: string): void {
    const { store, clock } = this.#options;
    const namespace = store.get<Namespace>("Namespace", "", name);
    if (namespace === undefined) return;
    if (namespace.metadata.deletionTimestamp === undefined) {
      ensureServiceAccount(store, namespace, clock.now());
      return;
    }
    this.#ending.add(name);
    if (this.#clear(name)) this.#release(namespace);
  }

  /** Deletes everything in a namespace. @returns whether nothing is left. */
  #clear(namespace: string): boolean {
    const kinds = resources.filter(({ isNamespaced }) => isNamespaced).map(({ kind }) => kind);
    const others = kinds.filter((kind) => kind !== "Event");
    const isEmpty = others.map((kind) => this.#clearKind(kind, namespace)).every(Boolean);
    return isEmpty && this.#clearKind("Event", namespace);
  }

  #clearKind(kind: string, namespace: string): boolean {
    const { store, clock } = this.#options;
    let left = 0;
    for (const object of store.list<KubernetesObject>(kind, namespace).items) {
      const isMarked = object.metadata.deletionTimestamp !== undefined;
      const deletion = isMarked ? undefined : deleteObject(store, object, { nowMs: clock.now() });
      if (deletion?.isGone !== true) left++;
    }
    return left === 0;
  }

  #release({ metadata }: Namespace): void {
    const { store } = this.#options;
    const released = store.mutate<Namespace>(
      "Namespace",
      "",
      metadata.name,
      (current) => ({
        ...current,
        spec: { finalizers: (current.spec?.finalizers ?? []).filter((name) => name !== finalizer) },
      }),
      { durable: false },
    );
    if (released !== undefined) finishDeletion(store, released);
  }
}
