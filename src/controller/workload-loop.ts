/**
 * The loop that every controller of workloads runs on:
 *
 *   change of the object, of what it owns, or of what it would adopt ─▶ key ─▶ reconcile(object) ─▶ look again at …
 *
 * Nothing happens while nothing changes: what is due later is one timer per object.
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { deleteObject } from "../store/delete-object.ts";
import type { Store } from "../store/store.ts";
import { KeyQueue } from "./key-queue.ts";
import type { CacheChange, ObjectCache } from "./object-cache.ts";
import { keyOf, splitKey } from "./object-key.ts";
import { claim, controllerOf, type Owner, withOwner, withoutOwner } from "./ownership.ts";
import { writeStatus } from "./write-status.ts";

export interface WorkloadEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface WorkloadOptions {
  readonly store: Store;
  readonly cache: ObjectCache;
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes an object as the API does: defaults, rules, admission, a place. @throws PodError what a client would see. */
  readonly create: <T extends KubernetesObject>(wish: T) => T;
  readonly report: (object: KubernetesObject, event: WorkloadEvent, component: string) => void;
}

interface LoopOptions<T> extends WorkloadOptions {
  readonly kind: string;
  /** Kinds whose objects it makes. */
  readonly dependents: readonly string[];
  /** @returns milliseconds until it is to be called again although nothing changes. */
  readonly reconcile: (object: T) => number | undefined;
}

/** setTimeout's longest delay. */
const longestTimerMs = 2 ** 31 - 1;

export class WorkloadLoop<T extends Owner> implements Disposable {
  readonly #options: LoopOptions<T>;
  readonly #queue: KeyQueue;
  readonly #timers = new Map<string, () => void>();

  constructor(options: LoopOptions<T>) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (key) => this.#reconcile(key) });
  }

  /** Looks at every object that is there, and follows changes from then on. */
  start(): void {
    const { cache, kind } = this.#options;
    cache.follow((change) => this.#notice(change));
    this.addAll((object) => object.kind === kind);
  }

  /** Looks soon at the objects that somebody chooses. */
  addAll(isWanted: (object: T) => boolean): void {
    const { cache, kind } = this.#options;
    for (const object of cache.all<T>(kind)) if (isWanted(object)) this.#queue.add(keyOf(object));
  }

  /** What of a kind the owner has, after it has adopted and released what it should. */
  claim<D extends KubernetesObject>(owner: T, kind: string): readonly D[] {
    const { cache, store } = this.#options;
    const candidates = cache.list<D>(kind, owner.metadata.namespace);
    const { owned, adopted, released } = claim(owner, candidates);
    const change = (object: D, next: D["metadata"]): D | undefined =>
      store.mutate<D>(
        kind,
        object.metadata.namespace,
        object.metadata.name,
        (current) =>
          current.metadata.uid === object.metadata.uid ? { ...current, metadata: next } : undefined,
        { durable: false },
      );
    for (const object of released) change(object, withoutOwner(object.metadata, owner));
    const taken = adopted.flatMap(
      (object) => change(object, withOwner(object.metadata, owner)) ?? [],
    );
    return [...owned, ...taken];
  }

  /** Stores the object's status when it says something new. @returns the object as it is then. */
  writeStatus(object: T & { readonly status?: unknown }, status: object): T {
    return writeStatus(this.#options.store, object, status) ?? object;
  }

  /** Deletes an object unless somebody has. */
  delete({ kind, metadata }: KubernetesObject): void {
    const { store, clock } = this.#options;
    if (metadata.deletionTimestamp !== undefined) return;
    deleteObject(store, { kind, metadata }, { nowMs: clock.now() });
  }

  [Symbol.dispose](): void {
    this.#queue[Symbol.dispose]();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #reconcile(key: string): void {
    const { cache, reconcile, clock } = this.#options;
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    const object = cache.get<T>(...splitKey(key));
    if (object === undefined) return;
    const againMs = reconcile(object);
    if (againMs === undefined) return;
    const cancel = clock.after(Math.min(Math.max(againMs, 1), longestTimerMs), () => {
      this.#timers.delete(key);
      this.#queue.add(key);
    });
    this.#timers.set(key, cancel);
  }

  #notice({ object, previous }: CacheChange): void {
    const { kind, dependents } = this.#options;
    if (object.kind === kind) this.#queue.add(keyOf(object));
    if (!dependents.includes(object.kind)) return;
    for (const state of previous === undefined ? [object] : [previous, object]) {
      this.#noticeDependent(state);
    }
  }

  #noticeDependent(object: KubernetesObject): void {
    const { kind, cache } = this.#options;
    const { namespace, labels = {} } = object.metadata;
    const controller = controllerOf(object);
    if (controller !== undefined) {
      if (controller.kind === kind) this.#queue.add(`${kind}/${namespace}/${controller.name}`);
      return;
    }
    for (const owner of cache.list<T>(kind, namespace)) {
      if (matchesLabels(owner.spec.selector, labels)) this.#queue.add(keyOf(owner));
    }
  }
}
