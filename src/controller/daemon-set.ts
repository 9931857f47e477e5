/**
 * DaemonSet: one pod on each node that fits.
 *
 *   nodes · pods by node ─▶ plan-daemon-set.ts ─▶ create, delete ─▶ status
 *
 * Source: Kubernetes, "DaemonSet"; words of its events.
 */
import { type BackOffLimits, type BackOffState, nextBackOff } from "../base/back-off.ts";
import { messageOf, PodError } from "../base/errors.ts";
import type { DaemonSet, DaemonSetStatus, LabelSelector, Node } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { deleteObject } from "../store/delete-object.ts";
import { claimObjects } from "./claim-objects.ts";
import type { Controller, ControllerContext, ControllerEvent } from "./controller.ts";
import { daemonPod, nodeOfDaemonPod, nodeVerdict } from "./daemon-pod.ts";
import { earliest } from "./key-queue.ts";
import type { CacheChange } from "./object-cache.ts";
import { type DaemonState, planDaemonSet, podsByNode } from "./plan-daemon-set.ts";
import { isActive, isAvailable, isReady, nextAvailableMs } from "./pod-readiness.ts";
import {
  ensureRevisions,
  hashOf,
  type Revisions,
  revisionLabel,
  surplusRevisions,
} from "./revision-history.ts";
import { writeStatus } from "./write-status.ts";

const component = "daemonset-controller";

/** Pods that fail are replaced at once, then after 1 s, doubling to 15 min. */
const failureBackOff: BackOffLimits = { initialMs: 1000, maxMs: 900_000, resetMs: 1_800_000 };

export class DaemonSetController implements Controller<DaemonSet> {
  readonly kind = "DaemonSet";
  readonly dependents: readonly string[] = ["Pod", "ControllerRevision"];
  readonly #context: ControllerContext;
  /** By uid of the set and name of the node. */
  readonly #failures = new Map<string, BackOffState>();

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  selector({ spec }: DaemonSet): LabelSelector {
    return spec.selector;
  }

  concerns({ object, previous }: CacheChange): Iterable<DaemonSet> {
    if (object.kind !== "Node" || !makesDifference(object as unknown as Node, previous)) return [];
    return this.#context.cache.all<DaemonSet>("DaemonSet");
  }

  reconcile(set: DaemonSet): number | undefined {
    const { store, cache, clock } = this.#context;
    if (set.metadata.deletionTimestamp !== undefined) return undefined;
    const revisions = ensureRevisions(set, this.#context);
    const state: DaemonState = {
      set,
      nodes: cache.list<Node>("Node", ""),
      pods: claimObjects<Pod>(set, "Pod", this.#context),
      revision: hashOf(revisions.newest),
      nowMs: clock.now(),
    };
    const { create, remove, failed } = planDaemonSet(state);
    let failure: PodError | undefined;
    for (const pod of remove) this.#delete(set, pod);
    const waits = failed.flatMap((pod) => this.#replaceFailed(set, pod) ?? []);
    try {
      for (const node of create) this.#createPod(set, node, revisions);
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      failure = error;
    }
    const after = {
      ...state,
      pods: claimObjects<Pod>(set, "Pod", this.#context),
      nowMs: clock.now(),
    };
    writeStatus(store, set, daemonSetStatus(after, revisions.collisionCount));
    const inUse = new Set(after.pods.map(({ metadata }) => metadata.labels?.[revisionLabel] ?? ""));
    const surplus = surplusRevisions(revisions.old, inUse, set.spec.revisionHistoryLimit);
    for (const revision of surplus) deleteObject(store, revision, { nowMs: clock.now() });
    if (failure !== undefined) throw failure;
    const availableMs = nextAvailableMs(after.pods, set.spec.minReadySeconds, after.nowMs);
    return earliest(...waits, availableMs);
  }

  #createPod(set: DaemonSet, node: string, { newest }: Revisions): void {
    const wish = daemonPod(set, node, { template: set.spec.template, revision: hashOf(newest) });
    try {
      const { name } = this.#context.create<Pod>(wish).metadata;
      const message = `Created pod: ${name}`;
      this.#tell(set, { type: "Normal", reason: "SuccessfulCreate", message });
    } catch (error) {
      const message = `Error creating: ${messageOf(error)}`;
      this.#tell(set, { type: "Warning", reason: "FailedCreate", message });
      throw error;
    }
  }

  #delete(set: DaemonSet, pod: Pod): void {
    const { store, clock } = this.#context;
    deleteObject(store, pod, { nowMs: clock.now() });
    const message = `Deleted pod: ${pod.metadata.name}`;
    this.#tell(set, { type: "Normal", reason: "SuccessfulDelete", message });
  }

  /** @returns until when the failed pod stays, in wall clock ms; undefined when it went. */
  #replaceFailed(set: DaemonSet, pod: Pod): number | undefined {
    const { clock } = this.#context;
    const nowMs = clock.now();
    const node = nodeOfDaemonPod(pod);
    const key = `${set.metadata.uid}/${node}`;
    const known = this.#failures.get(key);
    const dueMs = known === undefined ? 0 : known.failedAtMs + known.delayMs;
    if (dueMs > nowMs) return dueMs;
    const lastedMs = nowMs - (known?.failedAtMs ?? 0);
    this.#failures.set(key, nextBackOff(known, failureBackOff, { nowMs, lastedMs }));
    const message = `Found failed daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${node}, will try to kill it`;
    this.#tell(set, { type: "Warning", reason: "FailedDaemonPod", message });
    this.#delete(set, pod);
    return undefined;
  }

  #tell(set: DaemonSet, event: ControllerEvent): void {
    this.#context.report(set, event, component);
  }
}

/** Heartbeats of nodes change nothing. */
function makesDifference(node: Node, previous: unknown): boolean {
  const facts = ({ metadata, spec }: Node): string => JSON.stringify([metadata.labels, spec]);
  // The cache keeps objects of one kind under one name.
  return previous === undefined || facts(previous as Node) !== facts(node);
}

/** Pure. */
export function daemonSetStatus(
  { set, nodes, pods, revision, nowMs }: DaemonState,
  collisionCount: number | undefined,
): DaemonSetStatus {
  const byNode = podsByNode(pods.filter(isActive));
  const { minReadySeconds } = set.spec;
  const verdicts = nodes.map((node) => ({
    isWanted: nodeVerdict(set, node).isWanted,
    pods: byNode.get(node.metadata.name) ?? [],
  }));
  const wanted = verdicts.filter(({ isWanted }) => isWanted);
  const count = (is: (pod: Pod) => boolean): number =>
    wanted.filter((verdict) => verdict.pods.some(is)).length;
  const available = count((pod) => isAvailable(pod, minReadySeconds, nowMs));
  return {
    currentNumberScheduled: count(() => true),
    numberMisscheduled: verdicts.filter((one) => !one.isWanted && one.pods.length > 0).length,
    desiredNumberScheduled: wanted.length,
    numberReady: count(isReady),
    observedGeneration: set.metadata.generation ?? 0,
    updatedNumberScheduled: count(({ metadata }) => metadata.labels?.[revisionLabel] === revision),
    numberAvailable: available,
    numberUnavailable: wanted.length - available,
    ...(collisionCount !== undefined && { collisionCount }),
  };
}
