/**
 * StatefulSet: pods with names that stay theirs, and claims that outlive them.
 *
 *   claims of the ordinal ─▶ pod NAME-n ─▶ available ─▶ the next (plan-stateful-set.ts)
 *
 * Source: Kubernetes, "StatefulSets"; words of its events.
 */
import { messageOf, PodError } from "../base/errors.ts";
import { firstDifference } from "../spec/first-difference.ts";
import type {
  LabelSelector,
  PersistentVolumeClaim,
  StatefulSet,
  StatefulSetStatus,
} from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { deleteObject } from "../store/delete-object.ts";
import { claimObjects } from "./claim-objects.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { planStatefulSet, type StatefulState } from "./plan-stateful-set.ts";
import { isActive, isAvailable, isReady, nextAvailableMs } from "./pod-readiness.ts";
import {
  ensureRevisions,
  type Revisions,
  revisionLabel,
  surplusRevisions,
  templateOf,
} from "./revision-history.ts";
import {
  claimName,
  claimOwners,
  ordinalOf,
  statefulClaims,
  statefulPod,
  withClaimOwners,
} from "./stateful-pod.ts";
import { writeStatus } from "./write-status.ts";

const component = "statefulset-controller";

export class StatefulSetController implements Controller<StatefulSet> {
  readonly kind = "StatefulSet";
  readonly dependents: readonly string[] = ["Pod", "ControllerRevision"];
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  selector({ spec }: StatefulSet): LabelSelector {
    return spec.selector;
  }

  reconcile(set: StatefulSet): number | undefined {
    const { store, clock } = this.#context;
    if (set.metadata.deletionTimestamp !== undefined) return undefined;
    const revisions = ensureRevisions(set, this.#context);
    const update = revisions.newest.metadata.name;
    const known = set.status?.currentRevision ?? "";
    const isKept = revisions.old.some(({ metadata }) => metadata.name === known);
    const current = isKept ? known : update;
    const state: StatefulState = {
      set,
      pods: this.#pods(set),
      current,
      update,
      nowMs: clock.now(),
    };
    this.#keepClaims(set, state.pods);
    let failure: PodError | undefined;
    try {
      this.#act(state, revisions);
    } catch (error) {
      if (!(error instanceof PodError)) throw error;
      failure = error;
    }
    const after = { ...state, pods: this.#pods(set), nowMs: clock.now() };
    const status = statefulStatus(after, revisions.collisionCount);
    writeStatus(store, set, status);
    const names = after.pods.map(({ metadata }) => metadata.labels?.[revisionLabel] ?? "");
    const inUse = new Set([...names, status.currentRevision ?? ""]);
    const surplus = surplusRevisions(revisions.old, inUse, set.spec.revisionHistoryLimit);
    for (const revision of surplus) deleteObject(store, revision, { nowMs: clock.now() });
    if (failure !== undefined) throw failure;
    return nextAvailableMs(after.pods, set.spec.minReadySeconds, after.nowMs);
  }

  /** Only pods with its names are its. */
  #pods(set: StatefulSet): readonly Pod[] {
    const pods = claimObjects<Pod>(set, "Pod", this.#context);
    return pods.filter(({ metadata }) => ordinalOf(set, metadata.name) !== undefined);
  }

  #act(state: StatefulState, revisions: Revisions): void {
    const { store, clock } = this.#context;
    const { set } = state;
    const { create, remove } = planStatefulSet(state);
    for (const { ordinal, revision } of create) this.#createPod(set, ordinal, revision, revisions);
    for (const pod of remove) {
      deleteObject(store, pod, { nowMs: clock.now() });
      this.#tell(
        set,
        "SuccessfulDelete",
        `delete Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name} successful`,
      );
    }
  }

  #createPod(
    set: StatefulSet,
    ordinal: number,
    revision: string,
    { old, newest }: Revisions,
  ): void {
    const { create } = this.#context;
    const { name: setName } = set.metadata;
    const found = old.find(({ metadata }) => metadata.name === revision) ?? newest;
    const pod = statefulPod(set, ordinal, {
      template: templateOf(found),
      revision: found.metadata.name,
    });
    const { name } = pod.metadata;
    try {
      this.#ensureClaims(set, ordinal, name);
      create<Pod>(pod);
    } catch (error) {
      const message = `create Pod ${name} in StatefulSet ${setName} failed error: ${messageOf(error)}`;
      this.#context.report(set, { type: "Warning", reason: "FailedCreate", message }, component);
      throw error;
    }
    this.#tell(set, "SuccessfulCreate", `create Pod ${name} in StatefulSet ${setName} successful`);
  }

  /** Claims that an ordinal had before are its again. */
  #ensureClaims(set: StatefulSet, ordinal: number, pod: string): void {
    const { store, create } = this.#context;
    for (const claim of statefulClaims(set, ordinal)) {
      const { namespace, name } = claim.metadata;
      const kind = "PersistentVolumeClaim";
      if (store.get(kind, namespace, name) !== undefined) continue;
      create<PersistentVolumeClaim>(
        withClaimOwners(claim, set, claimOwners(set, ordinal, undefined)),
      );
      const message = `create Claim ${name} Pod ${pod} in StatefulSet ${set.metadata.name} success`;
      this.#tell(set, "SuccessfulCreate", message);
    }
  }

  /** The owners of claims follow the retention policy and the size of the set. */
  #keepClaims(set: StatefulSet, pods: readonly Pod[]): void {
    const { store } = this.#context;
    const templates = set.spec.volumeClaimTemplates ?? [];
    for (const pod of pods) {
      const ordinal = ordinalOf(set, pod.metadata.name);
      if (ordinal === undefined) continue;
      const wanted = claimOwners(set, ordinal, pod);
      for (const { metadata } of templates) {
        store.mutate<PersistentVolumeClaim>(
          "PersistentVolumeClaim",
          set.metadata.namespace,
          claimName(metadata.name, pod.metadata.name),
          (claim) => {
            const next = withClaimOwners(claim, set, wanted);
            return firstDifference(claim, next, "") === undefined ? undefined : next;
          },
          { durable: false },
        );
      }
    }
  }

  #tell(set: StatefulSet, reason: string, message: string): void {
    this.#context.report(set, { type: "Normal", reason, message }, component);
  }
}

/** Pure. The update is over when every pod has its revision; then it is the current one. */
export function statefulStatus(
  { set, pods, current, update, nowMs }: StatefulState,
  collisionCount: number | undefined,
): StatefulSetStatus {
  const { replicas = 1, minReadySeconds, updateStrategy } = set.spec;
  const active = pods.filter(isActive);
  const countOf = (revision: string): number =>
    active.filter(({ metadata }) => metadata.labels?.[revisionLabel] === revision).length;
  const updated = countOf(update);
  const ready = active.filter(isReady).length;
  const isRolled = updated === replicas && active.length === replicas && ready === replicas;
  const isDone = updateStrategy?.type !== "OnDelete" && isRolled;
  return {
    replicas: pods.length,
    readyReplicas: ready,
    availableReplicas: active.filter((pod) => isAvailable(pod, minReadySeconds, nowMs)).length,
    currentReplicas: isDone ? updated : countOf(current),
    updatedReplicas: updated,
    currentRevision: isDone ? update : current,
    updateRevision: update,
    observedGeneration: set.metadata.generation ?? 0,
    collisionCount: collisionCount ?? 0,
  };
}
