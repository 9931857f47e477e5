/**
 * The loop that every controller of objects runs on:
 *
 *   object changes ───────────────────────────▶ ┐
 *   what it controls, or would adopt, changes ─▶ ├ key ──▶ queue ──▶ reconcile(object) ──▶ again at a time, or not
 *   what concerns it changes ─────────────────▶ ┘           ▲                                 │
 *                                                           └────────── timer, back-off ◀─────┘
 *
 * All of them read one cache (object-cache.ts); times and failures are the queue's (key-queue.ts).
 * Source: Kubernetes, "Controllers"; client-go informers.
 */
import { matchesLabels } from "../spec/match-selector.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { KeyQueue } from "./key-queue.ts";
import type { CacheChange, ObjectCache } from "./object-cache.ts";
import { keyOf, objectKey, splitKey } from "./object-key.ts";
import { controllerOf } from "./ownership.ts";

export class ControllerLoop<T extends KubernetesObject> implements Disposable {
  readonly #controller: Controller<T>;
  readonly #cache: ObjectCache;
  readonly #queue: KeyQueue;

  constructor(
    controller: Controller<T>,
    { cache, clock, log }: Pick<ControllerContext, "cache" | "clock" | "log">,
  ) {
    this.#controller = controller;
    this.#cache = cache;
    this.#queue = new KeyQueue({ clock, log, reconcile: (key) => this.#reconcile(key) });
  }

  /** Looks at what an earlier daemon left, and follows every change from then on. After the cache has started. */
  start(): void {
    const { kind, dependents } = this.#controller;
    this.#cache.follow((change) => this.#notice(change));
    for (const each of [kind, ...dependents]) {
      for (const object of this.#cache.all(each)) this.#noticeObject(object);
    }
  }

  /** Whether nothing is under way nor due by time alone. */
  get isIdle(): boolean {
    return this.#queue.isIdle;
  }

  [Symbol.dispose](): void {
    this.#queue[Symbol.dispose]();
  }

  #notice(change: CacheChange): void {
    // It may have been somebody else's before.
    if (change.previous !== undefined) this.#noticeObject(change.previous);
    this.#noticeObject(change.object);
    const concerned = this.#controller.concerns?.(change) ?? [];
    for (const object of concerned) this.#queue.add(keyOf(object));
  }

  #noticeObject(object: KubernetesObject): void {
    const { kind, dependents } = this.#controller;
    if (object.kind === kind) this.#queue.add(keyOf(object));
    if (!dependents.includes(object.kind)) return;
    const owner = controllerOf(object);
    const { namespace } = object.metadata;
    if (owner === undefined) this.#noticeOrphan(object);
    else if (owner.kind === kind) this.#queue.add(objectKey(kind, namespace, owner.name));
  }

  #noticeOrphan({ metadata }: KubernetesObject): void {
    for (const object of this.#cache.list<T>(this.#controller.kind, metadata.namespace)) {
      const selector = this.#controller.selector?.(object);
      const isFound = selector !== undefined && matchesLabels(selector, metadata.labels ?? {});
      if (isFound) this.#queue.add(keyOf(object));
    }
  }

  #reconcile(key: string): number | undefined {
    const [kind, namespace, name] = splitKey(key);
    const object = this.#cache.get<T>(kind, namespace, name);
    if (object !== undefined) return this.#controller.reconcile(object);
    this.#controller.gone?.(namespace, name);
    return undefined;
  }
}
