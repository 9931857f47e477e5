/**
 * DaemonSet: one pod on each node that fits.
 *
 *   nodes · pods by node ─▶ plan-daemon-set.ts ─▶ create, delete ─▶ status
 *
 * Source: Kubernetes, "DaemonSet"; words of its events.
 */
import { type BackOffLimits, type BackOffState, nextBackOff } from "../base/back-off.ts";
import { messageOf, PodError } from "../base/errors.ts";
import type { DaemonSet, DaemonSetStatus, Node } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { daemonPod, nodeOfDaemonPod, nodeVerdict } from "./daemon-pod.ts";
import { type DaemonState, planDaemonSet, podsByNode } from "./plan-daemon-set.ts";
import { isActive, isAvailable, isReady, nextAvailableMs } from "./pod-readiness.ts";
import {
  ensureRevisions,
  hashOf,
  type Revisions,
  revisionLabel,
  surplusRevisions,
} from "./revision-history.ts";
import { type WorkloadEvent, WorkloadLoop, type WorkloadOptions } from "./workload-loop.ts";

const component = "daemonset-controller";

/** Pods that fail are replaced at once, then after 1 s, doubling to 15 min. */
const failureBackOff: BackOffLimits = { initialMs: 1000, maxMs: 900_000, resetMs: 1_800_000 };

export class DaemonSetController implements Disposable {
  readonly #options: WorkloadOptions;
  readonly #loop: WorkloadLoop<DaemonSet>;
  /** By uid of the set and name of the node. */
  readonly #failures = new Map<string, BackOffState>();

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#loop = new WorkloadLoop<DaemonSet>({
      ...options,
      kind: "DaemonSet",
      dependents: ["Pod", "ControllerRevision"],
      reconcile: (set) => this.#reconcile(set),
    });
  }

  start(): void {
    const { cache } = this.#options;
    this.#loop.start();
    cache.follow(({ object, previous }) => {
      if (object.kind !== "Node" || !makesDifference(object as unknown as Node, previous)) return;
      this.#loop.addAll(() => true);
    });
  }

  [Symbol.dispose](): void {
    this.#loop[Symbol.dispose]();
  }

  #reconcile(set: DaemonSet): number | undefined {
    const { cache, clock } = this.#options;
    if (set.metadata.deletionTimestamp !== undefined) return undefined;
    const revisions = ensureRevisions(set, this.#loop, this.#options);
    const state: DaemonState = {
      set,
      nodes: cache.list<Node>("Node", ""),
      pods: this.#loop.claim<Pod>(set, "Pod"),
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
    const after = { ...state, pods: this.#loop.claim<Pod>(set, "Pod"), nowMs: clock.now() };
    this.#loop.writeStatus(set, daemonSetStatus(after, revisions.collisionCount));
    const inUse = new Set(after.pods.map(({ metadata }) => metadata.labels?.[revisionLabel] ?? ""));
    const surplus = surplusRevisions(revisions.old, inUse, set.spec.revisionHistoryLimit);
    for (const revision of surplus) this.#loop.delete(revision);
    if (failure !== undefined) throw failure;
    const next = nextAvailableMs(
      after.pods.filter(isActive),
      set.spec.minReadySeconds,
      after.nowMs,
    );
    const times = next === undefined ? waits : [...waits, next];
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #createPod(set: DaemonSet, node: string, { newest }: Revisions): void {
    const wish = daemonPod(set, node, { template: set.spec.template, revision: hashOf(newest) });
    try {
      const { name } = this.#options.create<Pod>(wish).metadata;
      const message = `Created pod: ${name}`;
      this.#tell(set, { type: "Normal", reason: "SuccessfulCreate", message });
    } catch (error) {
      const message = `Error creating: ${messageOf(error)}`;
      this.#tell(set, { type: "Warning", reason: "FailedCreate", message });
      throw error;
    }
  }

  #delete(set: DaemonSet, pod: Pod): void {
    this.#loop.delete(pod);
    const message = `Deleted pod: ${pod.metadata.name}`;
    this.#tell(set, { type: "Normal", reason: "SuccessfulDelete", message });
  }

  /** @returns how long the failed pod stays; undefined when it went. */
  #replaceFailed(set: DaemonSet, pod: Pod): number | undefined {
    const { clock } = this.#options;
    const nowMs = clock.now();
    const node = nodeOfDaemonPod(pod);
    const key = `${set.metadata.uid}/${node}`;
    const known = this.#failures.get(key);
    const waitMs = known === undefined ? 0 : known.failedAtMs + known.delayMs - nowMs;
    if (waitMs > 0) return waitMs;
    const lastedMs = nowMs - (known?.failedAtMs ?? 0);
    this.#failures.set(key, nextBackOff(known, failureBackOff, { nowMs, lastedMs }));
    const message = `Found failed daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${node}, will try to kill it`;
    this.#tell(set, { type: "Warning", reason: "FailedDaemonPod", message });
    this.#delete(set, pod);
    return undefined;
  }

  #tell(set: DaemonSet, event: WorkloadEvent): void {
    this.#options.report(set, event, component);
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
