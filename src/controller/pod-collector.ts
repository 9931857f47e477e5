/**
 * Takes pods away whose node does not exist: nobody else would.
 *
 *   deleted                    ─▶ gone at once
 *   ran on the node once       ─▶ Failed and gone after the grace period: the node may come again
 *   no node has ever taken it  ─▶ it waits for its node
 *
 * Source: Kubernetes, "Pod Lifecycle", "Garbage collection of Pods"; words of the pod garbage collector.
 */
import type { Node } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { disruptionTarget, withPodCondition } from "../spec/pod-condition.ts";
import { changeObject } from "../store/change-object.ts";
import { deleteObject } from "../store/delete-object.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import type { CacheChange, ObjectCache } from "./object-cache.ts";
import { isActive } from "./pod-readiness.ts";

export class PodCollector implements Controller<Pod> {
  readonly kind = "Pod";
  readonly dependents: readonly string[] = [];
  readonly #context: ControllerContext;
  readonly #graceMs: number;
  /** Name of a node that does not exist → when that was seen first. */
  readonly #missing = new Map<string, number>();

  constructor(context: ControllerContext, graceMs: number) {
    this.#context = context;
    this.#graceMs = graceMs;
  }

  concerns({ type, object: { kind, metadata } }: CacheChange): Iterable<Pod> {
    if (kind !== "Node") return [];
    if (type !== "DELETED") this.#missing.delete(metadata.name);
    return type === "MODIFIED" ? [] : podsOn(this.#context.cache, metadata.name);
  }

  /** @returns when the pod goes, unless its node comes. */
  reconcile(pod: Pod): number | undefined {
    const { store, cache, clock } = this.#context;
    const { nodeName } = pod.spec;
    if (!nodeName || cache.get<Node>("Node", "", nodeName) !== undefined) return undefined;
    const { namespace, name, uid, deletionTimestamp, finalizers = [] } = pod.metadata;
    if (deletionTimestamp !== undefined) {
      if (finalizers.length === 0) store.delete("Pod", namespace, name, uid, { durable: false });
      return undefined;
    }
    if (pod.status?.startTime === undefined) return undefined;
    const sinceMs = this.#missing.get(nodeName) ?? clock.now();
    this.#missing.set(nodeName, sinceMs);
    const atMs = sinceMs + this.#graceMs;
    if (clock.now() < atMs) return atMs;
    // Marked as deleted it comes here again.
    this.#fail(pod);
    deleteObject(store, pod, { gracePeriodSeconds: 0, nowMs: clock.now() });
    return undefined;
  }

  #fail(pod: Pod): void {
    const { store, clock } = this.#context;
    const why = "PodGC: node no longer exists";
    const condition = disruptionTarget("DeletionByPodGC", why, clock.now());
    changeObject<Pod>(store, pod, (current) => {
      if (!isActive(current)) return undefined;
      const marked = withPodCondition(current, condition);
      return { ...marked, status: { ...marked.status, phase: "Failed" } };
    });
  }
}

/** Pods that are bound to a node, whether it exists or not. */
export function podsOn(cache: ObjectCache, nodeName: string): readonly Pod[] {
  return cache.all<Pod>("Pod").filter(({ spec }) => spec.nodeName === nodeName);
}
