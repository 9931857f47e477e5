/**
 * Taints with the effect NoExecute: pods that do not tolerate one are deleted, at once or when the time that they
 * tolerate it for is over.
 *
 *   pod or its node changes ─▶ the pod stays · goes now · goes at timeAdded + tolerationSeconds
 *
 * Source: Kubernetes, "Taints and Tolerations", "Taint based Evictions"; words of the taint eviction controller.
 */
import { hasEnded } from "../scheduler/cluster.ts";
import { tolerates } from "../scheduler/tolerations.ts";
import type { Node, Taint, Toleration } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { disruptionTarget, withPodCondition } from "../spec/pod-condition.ts";
import { changeObject } from "../store/change-object.ts";
import { deleteObject } from "../store/delete-object.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import type { CacheChange } from "./object-cache.ts";
import { keyOf, objectKey } from "./object-key.ts";
import { podsOn } from "./pod-collector.ts";

const component = "taint-eviction-controller";

/**
 * When a pod has to leave: 0 is at once, Infinity never. Pure.
 * @param taints - of the effect NoExecute.
 * @param sinceMs - stands for the time of a taint that does not say it.
 */
export function leavesAtMs(
  tolerations: readonly Toleration[],
  taints: readonly Taint[],
  sinceMs: number,
): number {
  const times = taints.map((taint) => {
    const fitting = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (fitting.length === 0) return 0;
    const seconds = fitting.map(({ tolerationSeconds }) => tolerationSeconds ?? Infinity);
    const addedMs = taint.timeAdded === undefined ? sinceMs : Date.parse(taint.timeAdded);
    return addedMs + 1000 * Math.max(0, Math.min(...seconds));
  });
  return Math.min(Infinity, ...times);
}

export class TaintEviction implements Controller<Pod> {
  readonly kind = "Pod";
  readonly dependents: readonly string[] = [];
  readonly #context: ControllerContext;
  /** Key of a pod that is to go later → which one it is, and since when it is on a node with such a taint. */
  readonly #waiting = new Map<string, { readonly uid: string; readonly sinceMs: number }>();

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  /** The pods of a node that got or lost such a taint. */
  concerns({ object, previous }: CacheChange): Iterable<Pod> {
    if (object.kind !== "Node") return [];
    // The cache keeps objects of one kind under one name.
    const [before, after] = [previous, object].map((node) => taintsOf(node as Node | undefined));
    if (JSON.stringify(before) === JSON.stringify(after)) return [];
    return podsOn(this.#context.cache, object.metadata.name);
  }

  gone(namespace: string, name: string): void {
    this.#waiting.delete(objectKey(this.kind, namespace, name));
  }

  /** @returns when the pod goes, if it is to go and that is not now. */
  reconcile(pod: Pod): number | undefined {
    const { cache, clock } = this.#context;
    const { uid, deletionTimestamp } = pod.metadata;
    const taints = taintsOf(cache.get<Node>("Node", "", pod.spec.nodeName ?? ""));
    const key = keyOf(pod);
    const known = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (deletionTimestamp !== undefined || hasEnded(pod)) return undefined;
    const nowMs = clock.now();
    const sinceMs = known?.uid === uid ? known.sinceMs : nowMs;
    const atMs = leavesAtMs(pod.spec.tolerations ?? [], taints, sinceMs);
    if (atMs === Infinity) {
      if (known?.uid === uid) this.#tell(pod, "Cancelling deletion of Pod");
      return undefined;
    }
    if (atMs <= nowMs) {
      this.#evict(pod);
      return undefined;
    }
    this.#waiting.set(key, { uid, sinceMs });
    return atMs;
  }

  #evict(pod: Pod): void {
    const { store, clock } = this.#context;
    const why = "Taint manager: deleting due to NoExecute taint";
    const condition = disruptionTarget("DeletionByTaintManager", why, clock.now());
    changeObject<Pod>(store, pod, (current) => withPodCondition(current, condition));
    deleteObject(store, pod, { nowMs: clock.now() });
    this.#tell(pod, "Marking for deletion Pod");
  }

  #tell(pod: Pod, words: string): void {
    const { namespace, name } = pod.metadata;
    const message = `${words} ${namespace}/${name}`;
    const event = { type: "Normal", reason: "TaintManagerEviction", message } as const;
    this.#context.report(pod, event, component);
  }
}

/** Those that pods are deleted for. */
function taintsOf(node: Node | undefined): readonly Taint[] {
  return (node?.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
}
