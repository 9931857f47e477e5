/**
 * The loop of a controller of one kind: an object comes in when it changes, when something that it controls changes,
 * and at the time that its last look asked for.
 *
 *   object or dependent changes ──▶ queue ──▶ reconcile(object) ──▶ again at a time, or not
 *                                     ▲                                │
 *                                     └──────────── timer ◀────────────┘
 */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";
import type { WatchEvent } from "../store/watch-event.ts";
import { KeyQueue } from "./key-queue.ts";
import { keyOf, objectKey, splitKey } from "./object-key.ts";
import { controllerOf } from "./ownership.ts";

export interface ObjectLoopOptions<T extends KubernetesObject> {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly kind: T["kind"];
  /** Kinds of what it controls. */
  readonly dependents: readonly string[];
  /**
   * Makes the world be as the object wishes; harmless when there is nothing to do.
   * @returns when to look again, in wall clock ms; undefined: when something changes.
   */
  readonly reconcile: (object: T) => number | undefined;
  /** The object does not exist, and dependents of it may. */
  readonly gone?: (namespace: string, name: string) => void;
}

/** setTimeout's longest delay: who waits longer is looked at in between. */
const longestTimerMs = 2 ** 31 - 1;

export class ObjectLoop<T extends KubernetesObject> implements Disposable {
  readonly #options: ObjectLoopOptions<T>;
  readonly #queue: KeyQueue;
  readonly #timers = new Map<string, () => void>();
  #stop: () => void = () => undefined;

  constructor(options: ObjectLoopOptions<T>) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (key) => this.#reconcile(key) });
  }

  /** Looks at what an earlier daemon left, and follows every change from then on. */
  start(): void {
    const { store, kind } = this.#options;
    this.#stop = store.follow((change) => this.#notice(change));
    for (const object of store.list<T>(kind).items) this.#queue.add(keyOf(object));
  }

  /** Looks soon at the object that controls another, if it is of this kind. */
  addOwner(object: KubernetesObject): void {
    const { kind } = this.#options;
    const owner = controllerOf(object);
    if (owner?.kind === kind) {
      this.#queue.add(objectKey(kind, object.metadata.namespace, owner.name));
    }
  }

  /** Whether no object waits for its time. */
  get isIdle(): boolean {
    return this.#timers.size === 0;
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#queue[Symbol.dispose]();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #notice({ object }: WatchEvent<KubernetesObject>): void {
    const { kind, dependents } = this.#options;
    if (object.kind === kind) this.#queue.add(keyOf(object));
    if (dependents.includes(object.kind)) this.addOwner(object);
  }

  #reconcile(key: string): void {
    const { store, clock, reconcile, gone } = this.#options;
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    const [kind, namespace, name] = splitKey(key);
    const object = store.get<T>(kind, namespace, name);
    if (object === undefined) {
      gone?.(namespace, name);
      return;
    }
    const againMs = reconcile(object);
    if (againMs === undefined) return;
    const delayMs = Math.min(Math.max(0, againMs - clock.now()), longestTimerMs);
    const cancel = clock.after(delayMs, () => {
      this.#timers.delete(key);
      this.#queue.add(key);
    });
    this.#timers.set(key, cancel);
  }
}
