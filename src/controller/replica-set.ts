/**
 * ReplicaSet: as many pods as it says.
 *
 *   pods it has ─▶ too few: create from the template · too many: the least useful go first (rank-victims.ts)
 *
 * Source: Kubernetes, "ReplicaSet"; words of its events and conditions.
 */
import { messageOf, PodError } from "../base/errors.ts";
import type { ReplicaSet, ReplicaSetCondition, ReplicaSetStatus } from "../spec/kubernetes.gen.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import { podOfTemplate } from "../spec/pod-template.ts";
import { withCondition, withoutCondition } from "./conditions.ts";
import { controllerReference } from "./ownership.ts";
import { isActive, isAvailable, isReady, nextAvailableMs } from "./pod-readiness.ts";
import { rankVictims } from "./rank-victims.ts";
import { WorkloadLoop, type WorkloadOptions } from "./workload-loop.ts";

const component = "replicaset-controller";

/** What is to be done. */
export interface ReplicaPlan {
  readonly create: number;
  readonly remove: readonly Pod[];
}

/** @param pods - those of the set, whatever their state. Pure. */
export function planReplicas({ spec }: ReplicaSet, pods: readonly Pod[]): ReplicaPlan {
  const active = pods.filter(isActive);
  const missing = (spec.replicas ?? 1) - active.length;
  return missing >= 0
    ? { create: missing, remove: [] }
    : { create: 0, remove: rankVictims(active).slice(0, -missing) };
}

/** The status by its pods. Pure. */
export function replicaSetStatus(
  set: ReplicaSet,
  pods: readonly Pod[],
  {
    nowMs,
    failure,
  }: { readonly nowMs: number; readonly failure?: ReplicaSetCondition | undefined },
): ReplicaSetStatus {
  const { minReadySeconds, template } = set.spec;
  const active = pods.filter(isActive);
  const labels = template?.metadata.labels ?? {};
  const before = set.status?.conditions ?? [];
  const conditions =
    failure === undefined
      ? withoutCondition(before, "ReplicaFailure")
      : withCondition(before, failure, nowMs);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter(({ metadata }) =>
      matchesLabels({ matchLabels: labels }, metadata.labels ?? {}),
    ).length,
    readyReplicas: active.filter(isReady).length,
    availableReplicas: active.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length,
    terminatingReplicas: pods.filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .length,
    observedGeneration: set.metadata.generation ?? 0,
    ...(conditions.length > 0 && { conditions }),
  };
}

export class ReplicaSetController implements Disposable {
  readonly #options: WorkloadOptions;
  readonly #loop: WorkloadLoop<ReplicaSet>;

  constructor(options: WorkloadOptions) {
    this.#options = options;
    this.#loop = new WorkloadLoop<ReplicaSet>({
      ...options,
      kind: "ReplicaSet",
      dependents: ["Pod"],
      reconcile: (set) => this.#reconcile(set),
    });
  }

  start(): void {
    this.#loop.start();
  }

  [Symbol.dispose](): void {
    this.#loop[Symbol.dispose]();
  }

  #reconcile(set: ReplicaSet): number | undefined {
    const { clock } = this.#options;
    let failure: PodError | undefined;
    const { namespace } = set.metadata;
    const pods = this.#loop.claim<Pod>(set, "Pod");
    if (set.metadata.deletionTimestamp === undefined) {
      try {
        this.#act(set, planReplicas(set, pods));
      } catch (error) {
        if (!(error instanceof PodError)) throw error;
        failure = error;
      }
    }
    const { cache } = this.#options;
    const now = cache
      .list<Pod>("Pod", namespace)
      .filter(({ metadata }) =>
        metadata.ownerReferences?.some(({ uid }) => uid === set.metadata.uid),
      );
    const nowMs = clock.now();
    const condition = failure === undefined ? undefined : failureCondition(failure);
    this.#loop.writeStatus(set, replicaSetStatus(set, now, { nowMs, failure: condition }));
    // The queue tries again, later each time.
    if (failure !== undefined) throw failure;
    return nextAvailableMs(now.filter(isActive), set.spec.minReadySeconds, nowMs);
  }

  #act(set: ReplicaSet, { create, remove }: ReplicaPlan): void {
    const { report } = this.#options;
    for (let made = 0; made < create; made++) {
      const { name } = this.#createPod(set).metadata;
      const message = `Created pod: ${name}`;
      report(set, { type: "Normal", reason: "SuccessfulCreate", message }, component);
    }
    for (const pod of remove) {
      this.#loop.delete(pod);
      const message = `Deleted pod: ${pod.metadata.name}`;
      report(set, { type: "Normal", reason: "SuccessfulDelete", message }, component);
    }
  }

  #createPod(set: ReplicaSet): Pod {
    const { create, report } = this.#options;
    const { template } = set.spec;
    // The door takes none without a template.
    if (template === undefined) throw new Error("A ReplicaSet has no template");
    const pod = podOfTemplate(template, set.metadata.namespace);
    try {
      return create<Pod>({
        ...pod,
        metadata: {
          ...pod.metadata,
          generateName: `${set.metadata.name}-`,
          ownerReferences: [controllerReference(set)],
        },
      });
    } catch (error) {
      const message = `Error creating: ${messageOf(error)}`;
      report(set, { type: "Warning", reason: "FailedCreate", message }, component);
      throw error;
    }
  }
}

function failureCondition(error: unknown): ReplicaSetCondition {
  const message = messageOf(error);
  return { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message };
}
