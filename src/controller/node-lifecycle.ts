/**
 * Whether nodes are alive: one that gives no sign of life for the grace period is Unknown, its pods are not ready,
 * and taints (node-taints.ts) have them deleted in their time by taint-eviction.ts.
 *
 *   Lease or heartbeat changes ─▶ alive: the timer begins anew
 *   timer over                 ─▶ conditions Unknown ─▶ taints ─▶ pods not ready
 *                                 the one that evicts: node by node, as fast as zone-health.ts allows
 *
 * Time is measured here, from what is seen: clocks of nodes may differ, and a machine that slept does not find the
 * others dead. Source: Kubernetes, "Nodes", "Node Heartbeats", "Node controller".
 */
import { toTime } from "../base/clock.ts";
import type { Lease, Node, NodeCondition } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { podCondition, withPodCondition } from "../spec/pod-condition.ts";
import { changeObject } from "../store/change-object.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { earliest } from "./key-queue.ts";
import { type Eviction, isEvicting, nodeTaints } from "./node-taints.ts";
import type { CacheChange } from "./object-cache.ts";
import { podsOn } from "./pod-collector.ts";
import {
  defaultEvictionRates,
  type EvictionRates,
  evictionsPerSecond,
  isNodeReady,
  readyCondition,
  zoneOf,
} from "./zone-health.ts";

/** What the last sign of life of a node was, and when it was seen, on the monotonic clock. */
interface Life {
  readonly sign: string;
  readonly seenMs: number;
}

const component = "node-controller";
const leaseNamespace = "kube-node-lease";

/** What nobody knows of a node that is silent. */
const reported = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

export class NodeLifecycle implements Controller<Node> {
  readonly kind = "Node";
  readonly dependents: readonly string[] = [];
  readonly #context: ControllerContext;
  readonly #graceMs: number;
  readonly #rates: EvictionRates;
  readonly #lives = new Map<string, Life>();
  /** Zone → when pods last began to leave a node of it, on the monotonic clock. */
  readonly #evictedMs = new Map<string, number>();

  /** @param graceMs - how long a node may be silent: every one has it from now on to show that it is alive. */
  constructor(
    context: ControllerContext,
    graceMs: number,
    rates: EvictionRates = defaultEvictionRates,
  ) {
    this.#context = context;
    this.#graceMs = graceMs;
    this.#rates = rates;
  }

  /** The node whose Lease it is; all that are not ready when that changes of another one. */
  concerns({ type, object, previous }: CacheChange): Iterable<Node> {
    const { kind, metadata } = object;
    const { cache } = this.#context;
    if (kind === "Lease" && metadata.namespace === leaseNamespace) {
      const node = cache.get<Node>(this.kind, "", metadata.name);
      return node === undefined ? [] : [node];
    }
    if (kind !== "Node") return [];
    // The cache keeps objects of one kind under one name.
    const wasReady = previous !== undefined && isNodeReady(previous as Node);
    if (type === "MODIFIED" && wasReady === isNodeReady(object as Node)) return [];
    return cache.all<Node>(this.kind).filter((node) => !isNodeReady(node));
  }

  gone(_: string, name: string): void {
    this.#lives.delete(name);
  }

  /** @returns when the node counts as silent if nothing is heard of it, or when its pods may go. */
  reconcile(node: Node): number | undefined {
    const { store, clock, report } = this.#context;
    const { name } = node.metadata;
    const leftMs = this.#hear(node).seenMs + this.#graceMs - clock.monotonic();
    const wasReady = isNodeReady(node);
    let waitMs: number | undefined;
    const next = store.mutate<Node>(
      "Node",
      "",
      name,
      (current) => {
        const known = leftMs <= 0 ? this.#unknown(current) : current;
        const pace = this.#pace(known);
        waitMs = pace.waitMs;
        const taints = nodeTaints(known, pace.eviction, clock.now());
        if (known === current && taints === (current.spec?.taints ?? [])) return undefined;
        const { taints: _, ...spec } = known.spec ?? {};
        return { ...known, spec: { ...spec, ...(taints.length > 0 && { taints }) } };
      },
      { durable: false },
    );
    if (next !== undefined && !isNodeReady(next)) {
      const message = `Node ${name} status is now: NodeNotReady`;
      if (wasReady) report(next, { type: "Normal", reason: "NodeNotReady", message }, component);
      this.#markPods(name);
    }
    const againMs = earliest(leftMs > 0 ? leftMs : undefined, waitMs);
    return againMs === undefined ? undefined : clock.now() + againMs;
  }

  /** The grace period begins anew when the node has given a sign of life. */
  #hear(node: Node): Life {
    const { store, clock } = this.#context;
    const { name, uid } = node.metadata;
    const renewed = store.get<Lease>("Lease", leaseNamespace, name)?.spec?.renewTime;
    const sign = JSON.stringify([uid, renewed, readyCondition(node)?.lastHeartbeatTime]);
    const known = this.#lives.get(name);
    if (known?.sign === sign) return known;
    const life: Life = { sign, seenMs: clock.monotonic() };
    this.#lives.set(name, life);
    return life;
  }

  /** Whether the pods of a node are to go, and how long it is until they may. */
  #pace(node: Node): { readonly eviction: Eviction; readonly waitMs?: number } {
    if (isNodeReady(node)) return { eviction: "ends" };
    const { cache, clock } = this.#context;
    const { name } = node.metadata;
    const others = cache.all<Node>(this.kind).filter(({ metadata }) => metadata.name !== name);
    const zone = zoneOf(node);
    const rate = evictionsPerSecond(zone, [...others, node], this.#rates);
    if (rate === undefined) return { eviction: "ends" };
    if (rate === 0 || isEvicting(node)) return { eviction: "goesOn" };
    const nowMs = clock.monotonic();
    const waitMs = (this.#evictedMs.get(zone) ?? -Infinity) + 1000 / rate - nowMs;
    if (waitMs > 0) return { eviction: "goesOn", waitMs };
    this.#evictedMs.set(zone, nowMs);
    return { eviction: "begins" };
  }

  #unknown(node: Node): Node {
    const { conditions = [] } = node.status ?? {};
    const now = toTime(this.#context.clock.now());
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
  #markPods(nodeName: string): void {
    const { cache, clock, store } = this.#context;
    const lastTransitionTime = toTime(clock.now());
    for (const pod of podsOn(cache, nodeName)) {
      changeObject<Pod>(store, pod, (current) => {
        const ready = podCondition(current, "Ready");
        if (ready?.status !== "True") return undefined;
        return withPodCondition(current, { ...ready, status: "False", lastTransitionTime });
      });
    }
  }
}
