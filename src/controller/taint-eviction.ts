/**
 * Taints with the effect NoExecute: pods that do not tolerate one are deleted, at once or when the time that they
 * tolerate it for is over.
 *
 *   node or pod changes ─▶ for each pod of the node: stays · goes now · goes at timeAdded + tolerationSeconds
 *
 * Source: Kubernetes, "Taints and Tolerations", "Taint based Evictions"; words of the taint eviction controller.
 */
import { type Clock, toTime } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { tolerates } from "../scheduler/tolerations.ts";
import type { Taint, Toleration } from "../spec/kubernetes.gen.ts";
import type { Pod, PodCondition } from "../spec/pod.ts";
import { deleteObject } from "../store/delete-object.ts";
import type { Store } from "../store/store.ts";
import type { ClusterState } from "./cluster-state.ts";
import { KeyQueue } from "./key-queue.ts";
import type { SchedulerEvent } from "./scheduler.ts";

export interface TaintEvictionOptions {
  readonly store: Store;
  readonly state: ClusterState;
  readonly clock: Clock;
  readonly log: Logger;
  readonly report: (pod: Pod, event: SchedulerEvent) => void;
}

interface Timer {
  /** When the pod was found on a node with such a taint. */
  readonly sinceMs: number;
  readonly atMs: number;
  readonly cancel: () => void;
}

/** setTimeout's longest delay: who has longer is looked at again. */
const longestTimerMs = 2 ** 31 - 1;

/**
 * When a pod has to leave: 0 is at once, Infinity never. Pure.
 * @param sinceMs - stands for the time of a taint that does not say it.
 */
export function leavesAtMs(
  tolerations: readonly Toleration[],
  taints: readonly Taint[],
  sinceMs: number,
): number {
  const times = taints
    .filter(({ effect }) => effect === "NoExecute")
    .map((taint) => {
      const fitting = tolerations.filter((toleration) => tolerates(toleration, taint));
      if (fitting.length === 0) return 0;
      const seconds = fitting.map(({ tolerationSeconds }) => tolerationSeconds ?? Infinity);
      const addedMs = taint.timeAdded === undefined ? sinceMs : Date.parse(taint.timeAdded);
      return addedMs + 1000 * Math.max(0, Math.min(...seconds));
    });
  return Math.min(Infinity, ...times);
}

export class TaintEviction implements Disposable {
  readonly #options: TaintEvictionOptions;
  readonly #queue: KeyQueue;
  readonly #timers = new Map<string, Timer>();
  #unfollow: () => void = () => undefined;

  constructor(options: TaintEvictionOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (node) => this.#reconcile(node) });
  }

  start(): void {
    const { state } = this.#options;
    this.#unfollow = state.follow((change) => {
      if (change.kind === "Node") this.#queue.add(change.name);
      if (change.kind === "Pod" && change.pod.spec.nodeName) {
        this.#queue.add(change.pod.spec.nodeName);
      }
    });
    for (const { node } of state.cluster().nodes) this.#queue.add(node.metadata.name);
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#queue[Symbol.dispose]();
    for (const { cancel } of this.#timers.values()) cancel();
  }

  #reconcile(name: string): void {
    const { state, clock } = this.#options;
    const found = state.node(name);
    const taints = (found?.node.spec?.taints ?? []).filter(({ effect }) => effect === "NoExecute");
    if (found === undefined || (taints.length === 0 && this.#timers.size === 0)) return;
    for (const pod of found.pods) {
      if (pod.metadata.deletionTimestamp !== undefined) continue;
      const sinceMs = this.#timers.get(pod.metadata.uid)?.sinceMs ?? clock.now();
      const atMs = leavesAtMs(pod.spec.tolerations ?? [], taints, sinceMs);
      this.#arrange(pod, { sinceMs, atMs }, name);
    }
  }

  /** Has the pod deleted at that time, and at no other. */
  #arrange(pod: Pod, { sinceMs, atMs }: Omit<Timer, "cancel">, node: string): void {
    const { clock } = this.#options;
    const { uid } = pod.metadata;
    const known = this.#timers.get(uid);
    if (known?.atMs === atMs) return;
    known?.cancel();
    this.#timers.delete(uid);
    if (atMs <= clock.now()) {
      this.#evict(pod);
      return;
    }
    if (atMs === Infinity) {
      if (known !== undefined) this.#tell(pod, "Cancelling deletion of Pod");
      return;
    }
    const cancel = clock.after(Math.min(atMs - clock.now(), longestTimerMs), () => {
      // What is due goes with the next look.
      this.#timers.set(uid, { sinceMs, atMs: 0, cancel: () => undefined });
      this.#queue.add(node);
    });
    this.#timers.set(uid, { sinceMs, atMs, cancel });
  }

  #evict(pod: Pod): void {
    const { store, clock } = this.#options;
    const { namespace, name, uid } = pod.metadata;
    const condition: PodCondition = {
      type: "DisruptionTarget",
      status: "True",
      lastTransitionTime: toTime(clock.now()),
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
    };
    store.mutate<Pod>(
      "Pod",
      namespace,
      name,
      (current) =>
        current.metadata.uid === uid
          ? {
              ...current,
              status: {
                ...current.status,
                conditions: [...(current.status?.conditions ?? []), condition],
              },
            }
          : undefined,
      { durable: false },
    );
    deleteObject(store, pod, { nowMs: clock.now() });
    this.#tell(pod, "Marking for deletion Pod");
  }

  #tell(pod: Pod, words: string): void {
    const { namespace, name } = pod.metadata;
    const message = `${words} ${namespace}/${name}`;
    this.#options.report(pod, { type: "Normal", reason: "TaintManagerEviction", message });
  }
}
