/**
 * ReplicaSet: as many pods as it says.
 *
 *   pods it has ─▶ too few: create from the template · too many: the least useful go first (rank-victims.ts)
 *
 * Source: Kubernetes, "ReplicaSet"; words of its events and conditions.
 */
import { messageOf, PodError } from "../base/errors.ts";
import type {
  LabelSelector,
  ReplicaSet,
  ReplicaSetCondition,
  ReplicaSetStatus,
} from "../spec/kubernetes.gen.ts";
import { matchesLabels } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import { podOfTemplate } from "../spec/pod-template.ts";
import { deleteObject } from "../store/delete-object.ts";
import { claimObjects } from "./claim-objects.ts";
import { withCondition, withoutCondition } from "./conditions.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { controllerReference } from "./ownership.ts";
import { isActive, isAvailable, isReady, nextAvailableMs } from "./pod-readiness.ts";
import { rankVictims } from "./rank-victims.ts";
import { writeStatus } from "./write-status.ts";

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

export class ReplicaSetController implements Controller<ReplicaSet> {
  readonly kind = "ReplicaSet";
  readonly dependents: readonly string[] = ["Pod"];
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  selector({ spec }: ReplicaSet): LabelSelector {
    return spec.selector;
  }

  reconcile(set: ReplicaSet): number | undefined {
    const { store, cache, clock } = this.#context;
    let failure: PodError | undefined;
    const pods = claimObjects<Pod>(set, "Pod", this.#context);
    if (set.metadata.deletionTimestamp === undefined) {
      try {
        this.#act(set, planReplicas(set, pods));
      } catch (error) {
        if (!(error instanceof PodError)) throw error;
        failure = error;
      }
    }
    const now = cache.owned<Pod>("Pod", set.metadata);
    const nowMs = clock.now();
    const condition = failure === undefined ? undefined : failureCondition(failure);
    writeStatus(store, set, replicaSetStatus(set, now, { nowMs, failure: condition }));
    // The queue tries again, later each time.
    if (failure !== undefined) throw failure;
    return nextAvailableMs(now, set.spec.minReadySeconds, nowMs);
  }

  #act(set: ReplicaSet, { create, remove }: ReplicaPlan): void {
    const { store, clock, report } = this.#context;
    for (let made = 0; made < create; made++) {
      const { name } = this.#createPod(set).metadata;
      const message = `Created pod: ${name}`;
      report(set, { type: "Normal", reason: "SuccessfulCreate", message }, component);
    }
    for (const pod of remove) {
      deleteObject(store, pod, { nowMs: clock.now() });
      const message = `Deleted pod: ${pod.metadata.name}`;
      report(set, { type: "Normal", reason: "SuccessfulDelete", message }, component);
    }
  }

  #createPod(set: ReplicaSet): Pod {
    const { create, report } = this.#context;
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
