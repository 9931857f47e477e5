/**
 * Whether nodes are alive: one that gives no sign of life for the grace period is Unknown, its pods are not ready,
 * and taints (node-taints.ts) have them deleted in their time by taint-eviction.ts.
 *
 *   Lease or heartbeat changes ─▶ alive: the timer begins anew
 *   timer over                 ─▶ conditions Unknown ─▶ taints ─▶ pods not ready
 *   node deleted               ─▶ after the grace period its pods go
 *
 * Time is measured here, from what is seen: clocks of nodes may differ, and a machine that slept does not find the
 * others dead. Source: Kubernetes, "Nodes", "Node Heartbeats", "Node controller"; "Pod Garbage Collection".
 */
import { type Clock, toTime } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { hasEnded } from "../scheduler/cluster.ts";
import type { Lease, Node, NodeCondition } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { disruptionTarget, podCondition, withPodCondition } from "../spec/pod-condition.ts";
import { deleteObject } from "../store/delete-object.ts";
import type { Store } from "../store/store.ts";
import type { StoredObject, WatchEvent } from "../store/watch-event.ts";
import type { ClusterState } from "./cluster-state.ts";
import { KeyQueue } from "./key-queue.ts";
import { nodeTaints } from "./node-taints.ts";
import type { SchedulerEvent } from "./scheduler.ts";

export interface NodeLifecycleOptions {
  readonly store: Store;
  readonly state: Pick<ClusterState, "node" | "lost">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly report: (object: StoredObject, event: SchedulerEvent) => void;
  /** How long a node may be silent. */
  readonly graceMs: number;
}

interface Life {
  /** What the last sign of life was. */
  readonly sign: string;
  readonly cancel: () => void;
  isSilent: boolean;
}

const leaseNamespace = "kube-node-lease";

/** What nobody knows of a node that is silent. */
const reported = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

export class NodeLifecycle implements Disposable {
  readonly #options: NodeLifecycleOptions;
  readonly #queue: KeyQueue;
  readonly #lives = new Map<string, Life>();
  #cancelCollection: (() => void) | undefined;
  #unfollow: () => void = () => undefined;

  constructor(options: NodeLifecycleOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (name) => this.#reconcile(name) });
  }

  /** Every node has the grace period from now on to show that it is alive. */
  start(): void {
    const { store } = this.#options;
    this.#unfollow = store.follow((change) => this.#notice(change));
    for (const { metadata } of store.list<Node>("Node").items) this.#queue.add(metadata.name);
    this.#collectLater();
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#queue[Symbol.dispose]();
    this.#cancelCollection?.();
    for (const { cancel } of this.#lives.values()) cancel();
    this.#lives.clear();
  }

  #notice({ type, object }: WatchEvent<StoredObject>): void {
    const { kind, metadata } = object;
    if (kind === "Node" && type === "DELETED") this.#collectLater();
    const isLease = kind === "Lease" && metadata.namespace === leaseNamespace;
    if (kind === "Node" || isLease) this.#queue.add(metadata.name);
  }

  #reconcile(name: string): undefined {
    const { store } = this.#options;
    const node = store.get<Node>("Node", "", name);
    if (node === undefined) {
      this.#lives.get(name)?.cancel();
      this.#lives.delete(name);
      return;
    }
    const { isSilent } = this.#observe(node);
    const wasReady = readyOf(node)?.status === "True";
    const next = this.#mutate(node, (current) => {
      const known = isSilent ? this.#unknown(current) : current;
      const taints = nodeTaints(known, this.#options.clock.now());
      if (known === current && taints === (current.spec?.taints ?? [])) return current;
      const { taints: _, ...spec } = known.spec ?? {};
      return { ...known, spec: { ...spec, ...(taints.length > 0 && { taints }) } };
    });
    if (next === undefined || readyOf(next)?.status === "True") return;
    if (wasReady) this.#tell(next, "NodeNotReady", `Node ${name} status is now: NodeNotReady`);
    this.#markPods(name);
  }

  /** Begins the grace period anew when the node has given a sign of life. */
  #observe(node: Node): Life {
    const { store, clock, graceMs } = this.#options;
    const { name } = node.metadata;
    const renewed = store.get<Lease>("Lease", leaseNamespace, name)?.spec?.renewTime;
    const sign = JSON.stringify([node.metadata.uid, renewed, readyOf(node)?.lastHeartbeatTime]);
    const known = this.#lives.get(name);
    if (known?.sign === sign) return known;
    known?.cancel();
    const cancel = clock.after(graceMs, () => {
      life.isSilent = true;
      this.#queue.add(name);
    });
    const life: Life = { sign, cancel, isSilent: false };
    this.#lives.set(name, life);
    return life;
  }

  #unknown(node: Node): Node {
    const { conditions = [] } = node.status ?? {};
    const now = toTime(this.#options.clock.now());
    const next = reported.map((type): NodeCondition => {
      const known = conditions.find((condition) => condition.type === type);
      if (known?.status === "Unknown") return known;
      const [reason, message] =
        known === undefined
          ? ["NodeStatusNeverUpdated", "Kubelet never posted node status."]
          : ["NodeStatusUnknown", "Kubelet stopped posting node status."];
      return { ...known, type, status: "Unknown", reason, message, lastTransitionTime: now };
    });
    if (next.every((condition) => conditions.includes(condition))) return node;
    const others = conditions.filter(({ type }) => !reported.includes(type));
    return { ...node, status: { ...node.status, conditions: [...others, ...next] } };
  }

  /** Services must not lead to them. Whoever runs them says otherwise when it is back. */
  #markPods(name: string): void {
    const { state, clock, store } = this.#options;
    for (const pod of state.node(name)?.pods ?? []) {
      const { namespace, name: podName, uid } = pod.metadata;
      store.mutate<Pod>(
        "Pod",
        namespace,
        podName,
        (current) => {
          const ready = podCondition(current, "Ready");
          if (current.metadata.uid !== uid || ready?.status !== "True") return undefined;
          const since = toTime(clock.now());
          return withPodCondition(current, {
            ...ready,
            status: "False",
            lastTransitionTime: since,
          });
        },
        { durable: false },
      );
    }
  }

  /** Pods of nodes that are gone may still be told of by a node that comes again. */
  #collectLater(): void {
    const { clock, graceMs } = this.#options;
    this.#cancelCollection ??= clock.after(graceMs, () => {
      this.#cancelCollection = undefined;
      this.#collect();
    });
  }

  #collect(): void {
    const { state, store, clock } = this.#options;
    for (const pod of state.lost()) {
      // One that no node has ever taken waits for its node.
      if (pod.status?.startTime === undefined || pod.metadata.deletionTimestamp) continue;
      const { namespace, name, uid } = pod.metadata;
      const why = "PodGC: node no longer exists";
      const condition = disruptionTarget("DeletionByPodGC", why, clock.now());
      deleteObject(store, pod, { gracePeriodSeconds: 0, nowMs: clock.now() });
      store.mutate<Pod>(
        "Pod",
        namespace,
        name,
        (current) => {
          if (current.metadata.uid !== uid || hasEnded(current)) return undefined;
          const marked = withPodCondition(current, condition);
          return { ...marked, status: { ...marked.status, phase: "Failed" } };
        },
        { durable: false },
      );
      store.delete("Pod", namespace, name, uid, { durable: false });
    }
  }

  #mutate(node: Node, change: (current: Node) => Node): Node | undefined {
    return this.#options.store.mutate<Node>("Node", "", node.metadata.name, change, {
      durable: false,
    });
  }

  #tell(node: Node, reason: string, message: string): void {
    this.#options.report(node, { type: "Normal", reason, message });
  }
}

function readyOf({ status }: Node): NodeCondition | undefined {
  return status?.conditions?.find(({ type }) => type === "Ready");
}
