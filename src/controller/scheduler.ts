/**
 * The scheduler: gives pods their node. Where, decides scheduler/place-pod.ts; here it is done and said.
 *
 *   new pod ──place()──▶ stored with its node at once                    no write and no wait of its own
 *      └─ does not fit, or has claims ──▶ queue ──turn──▶ bound · Unschedulable, and perhaps others are evicted for it
 *                                           ▲                             │
 *                 something that may help ──┴─────────────────────────────┘
 *
 * Binding a pod is one write, and everything follows from what is stored: a daemon that ends between any two lines
 * continues. Source: Kubernetes, "Kubernetes Scheduler", "Pod Scheduling Readiness", "Pod Priority and Preemption".
 */
import { type Clock, toTime } from "../base/clock.ts";
import { isPodError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { priorityOf } from "../scheduler/cluster.ts";
import {
  clusterFailureMessage,
  failureMessage,
  withPreemption,
} from "../scheduler/failure-message.ts";
import { type Happening, mayHelp } from "../scheduler/may-help.ts";
import { type Placement, placePod } from "../scheduler/place-pod.ts";
import { SchedulingQueue } from "../scheduler/scheduling-queue.ts";
import type { Pod, PodCondition } from "../spec/pod.ts";
import { disruptionTarget, podCondition, withPodCondition } from "../spec/pod-condition.ts";
import { podQosClass } from "../spec/pod-qos.ts";
import { changeObject } from "../store/change-object.ts";
import { deleteObject } from "../store/delete-object.ts";
import type { Store } from "../store/store.ts";
import type { StoredObject } from "../store/watch-event.ts";
import { claimNameOf } from "../volume/claims.ts";
import type { ClaimBinder } from "../volume/volume-kind.ts";
import type { ClusterState } from "./cluster-state.ts";
import { KeyQueue } from "./key-queue.ts";

export const defaultScheduler = "default-scheduler";

/** An event of an object. */
export interface SchedulerEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface SchedulerOptions {
  readonly store: Store;
  readonly state: ClusterState;
  /** Binds the claims of a pod to volumes that its node reaches. */
  readonly claims: ClaimBinder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly report: (object: StoredObject, event: SchedulerEvent) => void;
}

const gated = {
  reason: "SchedulingGated",
  message: "Scheduling is blocked due to non-empty scheduling gates",
};

/** So many pods have their turn before others of the daemon's work do. */
const portion = 50;

export class Scheduler implements Disposable {
  readonly #options: SchedulerOptions;
  readonly #waiting = new SchedulingQueue();
  readonly #turns: KeyQueue;
  /** Uid of the pod that `place` has given a node, until it is stored. */
  #placed: string | undefined;
  #unfollow: () => void = () => undefined;

  constructor(options: SchedulerOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#turns = new KeyQueue({ clock, log, reconcile: () => this.#turn() });
  }

  /** Schedules what waits, and follows changes from then on. */
  start(): void {
    const { state } = this.#options;
    this.#unfollow = state.follow((change) => this.#notice(change));
    for (const pod of state.unbound()) this.#put(pod);
    this.#turns.add("");
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#turns[Symbol.dispose]();
  }

  /**
   * A new pod as it is to be stored: with its node when it has one at once. It is announced when it is stored.
   * @param pod - with its uid.
   */
  place(pod: Pod): Pod {
    const { spec } = pod;
    if (!isOurs(pod) || spec.nodeName) return pod;
    if (isGated(pod)) return this.#withCondition(pod, { status: "False", ...gated });
    // A claim is bound for a pod that exists.
    if (hasClaims(pod)) return pod;
    const placement = this.#decide(pod);
    if (placement.kind === "none") return pod;
    this.#placed = pod.metadata.uid;
    return this.#withNode(pod, placement.node);
  }

  #notice(happening: Happening): void {
    const { state, clock } = this.#options;
    if (happening.kind === "Pod") {
      const { before, after } = happening;
      if (after !== undefined && after.metadata.uid === this.#placed) {
        this.#placed = undefined;
        this.#announce(after);
      }
      if (after !== undefined && !after.spec.nodeName) this.#put(after);
      else if (before !== undefined) this.#waiting.remove(before.metadata.uid);
    }
    if (this.#waiting.size === 0) return;
    this.#waiting.move(clock.now(), (uid) => {
      const pod = state.pod(uid);
      return pod !== undefined && mayHelp(happening, pod, state.cluster());
    });
    this.#turns.add("");
  }

  #put(pod: Pod): void {
    const { uid, creationTimestamp: created = "", deletionTimestamp } = pod.metadata;
    if (!isOurs(pod)) return;
    if (deletionTimestamp !== undefined) this.#waiting.remove(uid);
    else this.#waiting.put({ uid, priority: priorityOf(pod), created });
  }

  /**
   * Pods that wait, the most important first. @returns when there is more to do.
   * @throws AggregateError what went wrong with some of them: they have another turn, and did not hold up the others.
   */
  #turn(): number | undefined {
    const { state, clock } = this.#options;
    const faults: unknown[] = [];
    let againMs: number | undefined = clock.now();
    for (let tried = 0; tried < portion; tried++) {
      const uid = this.#waiting.take(clock.now());
      if (uid === undefined) {
        againMs = this.#waiting.nextMs();
        break;
      }
      const pod = state.pod(uid);
      if (pod === undefined || pod.spec.nodeName) continue;
      this.#waiting.refused(uid, clock.now());
      try {
        if (isGated(pod)) this.#wait(pod, gated.reason, gated.message);
        else this.#schedule(pod);
      } catch (error) {
        faults.push(error);
        this.#waiting.move(clock.now(), (other) => other === uid);
      }
    }
    if (faults.length > 0) throw new AggregateError(faults, messageOf(faults[0]));
    return againMs;
  }

  #schedule(pod: Pod): void {
    const placement = this.#decide(pod);
    if (placement.kind === "none") {
      this.#refuse(pod, placement.message, placement.nomination?.node);
      for (const victim of placement.nomination?.victims ?? []) {
        this.#preempt(victim, pod, placement.nomination?.node ?? "");
      }
      return;
    }
    const complaint = this.#bindClaims(pod, placement.node);
    if (complaint === undefined) this.#bind(pod, placement.node);
    else this.#refuse(pod, complaint);
  }

  #decide(pod: Pod): Placement {
    const { state } = this.#options;
    return placePod(pod, state.cluster(), state.nominated());
  }

  #bind(pod: Pod, node: string): void {
    const bound = this.#mutate(pod, (current) =>
      current.spec.nodeName ? undefined : this.#withNode(current, node),
    );
    if (bound?.spec.nodeName === node) this.#announce(bound);
  }

  /** Why the pod waits for a volume; undefined when it has all of them. */
  #bindClaims(pod: Pod, nodeName: string): string | undefined {
    const { claims, state } = this.#options;
    const placed = { ...pod, spec: { ...pod.spec, nodeName } };
    try {
      for (const volume of pod.spec.volumes ?? []) {
        if (claimNameOf(pod, volume) !== undefined) claims.volumeOf(placed, volume);
      }
      return undefined;
    } catch (error) {
      const phrase = isPodError(error, "FailedPrecondition") ? error.data["phrase"] : undefined;
      if (typeof phrase !== "string") throw error;
      const count = state.cluster().nodes.length;
      const helpless = Array.from({ length: count }, () => [
        "Preemption is not helpful for scheduling",
      ]);
      return withPreemption(clusterFailureMessage(count, phrase), failureMessage(count, helpless));
    }
  }

  #refuse(pod: Pod, message: string, nominee?: string): void {
    if (!this.#wait(pod, "Unschedulable", message, nominee)) return;
    this.#options.report(pod, { type: "Warning", reason: "FailedScheduling", message });
  }

  /** Writes down why a pod waits. @returns false when that was known. */
  #wait(pod: Pod, reason: string, message: string, nominee?: string): boolean {
    const known = podCondition(pod, "PodScheduled");
    const isKnown = known?.reason === reason && known.message === message;
    if (isKnown && pod.status?.nominatedNodeName === nominee) return false;
    this.#mutate(pod, (current) => {
      if (current.spec.nodeName) return undefined;
      const next = this.#withCondition(current, { status: "False", reason, message });
      const { nominatedNodeName: _, ...status } = next.status ?? {};
      return {
        ...next,
        status: { ...status, ...(nominee !== undefined && { nominatedNodeName: nominee }) },
      };
    });
    return !isKnown;
  }

  /** Ends a pod so that a more important one has room. */
  #preempt(victim: Pod, pod: Pod, node: string): void {
    const { store, clock, report } = this.#options;
    if (victim.metadata.deletionTimestamp !== undefined) return;
    const why = `${defaultScheduler}: preempting to accommodate a higher priority pod`;
    const condition = disruptionTarget("PreemptionByScheduler", why, clock.now());
    this.#mutate(victim, (current) => withPodCondition(current, condition));
    deleteObject(store, victim, { nowMs: clock.now() });
    const message = `Preempted by pod ${pod.metadata.uid} on node ${node}`;
    report(victim, { type: "Normal", reason: "Preempted", message });
  }

  #announce(pod: Pod): void {
    const { namespace, name } = pod.metadata;
    const message = `Successfully assigned ${namespace}/${name} to ${pod.spec.nodeName}`;
    this.#options.report(pod, { type: "Normal", reason: "Scheduled", message });
  }

  #withNode(pod: Pod, node: string): Pod {
    const placed = this.#withCondition(pod, { status: "True" });
    const { nominatedNodeName: _, ...status } = placed.status ?? {};
    return { ...placed, spec: { ...placed.spec, nodeName: node }, status };
  }

  #withCondition(pod: Pod, fact: Omit<PodCondition, "type">): Pod {
    const { generation } = pod.metadata;
    return withPodCondition(
      { ...pod, status: { phase: "Pending", qosClass: podQosClass(pod), ...pod.status } },
      {
        type: "PodScheduled",
        ...fact,
        ...(generation === undefined ? {} : { observedGeneration: generation }),
        lastTransitionTime: toTime(this.#options.clock.now()),
      },
    );
  }

  /** Not durable: what a power cut takes back is decided again, before anything has come of it. */
  #mutate(pod: Pod, change: (current: Pod) => Pod | undefined): Pod | undefined {
    return changeObject<Pod>(this.#options.store, pod, change);
  }
}

/** Pods that name another scheduler wait for that one. */
function isOurs({ spec }: Pod): boolean {
  return (spec.schedulerName ?? defaultScheduler) === defaultScheduler;
}

function isGated({ spec }: Pod): boolean {
  return (spec.schedulingGates ?? []).length > 0;
}

function hasClaims(pod: Pod): boolean {
  return (pod.spec.volumes ?? []).some((volume) => claimNameOf(pod, volume) !== undefined);
}
