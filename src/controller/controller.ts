/** What a controller is: what it answers for, what it looks at, and what it is given to work with. */
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { LabelSelector } from "../spec/kubernetes.gen.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { Store } from "../store/store.ts";
import type { CacheChange, ObjectCache } from "./object-cache.ts";

/** Sees to it that the world is as objects of one kind wish. ControllerLoop tells it which of them to look at. */
export interface Controller<T extends KubernetesObject> {
  readonly kind: T["kind"];
  /** Kinds of what its objects control: a change of one is a reason to look at its owner. */
  readonly dependents: readonly string[];
  /** Finds what an object would adopt: a change of a dependent that nobody controls is a reason to look, too. */
  selector?(object: T): LabelSelector;
  /** Objects of its kind that a change of any other object is a reason to look at. */
  concerns?(change: CacheChange): Iterable<KubernetesObject>;
  /**
   * Makes the world be as the object wishes; quick, and harmless when there is nothing to do.
   * @returns when to look again although nothing changes, in wall clock ms; undefined: never.
   * @throws what went wrong: the loop calls again, later each time.
   */
  reconcile(object: T): number | undefined;
  /** The object does not exist, and dependents of it may. */
  gone?(namespace: string, name: string): void;
}

/** What an object says of itself to people. */
export interface ControllerEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface ControllerContext {
  readonly store: Store;
  readonly cache: ObjectCache;
  readonly clock: Clock;
  readonly log: Logger;
  /** Makes an object as the API does: admission, defaults, rules, a place. @throws PodError what a client would see. */
  readonly create: <T extends KubernetesObject>(wish: T) => T;
  /** @param component - who says it. */
  readonly report: (object: KubernetesObject, event: ControllerEvent, component: string) => void;
}
