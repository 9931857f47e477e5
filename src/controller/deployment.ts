/**
 * Deployment: one ReplicaSet per template, and the way from one template to the next.
 *
 *   its ReplicaSets ─▶ which is of the template? ─▶ next step (plan-deployment.ts) ─▶ do it ─▶ status
 *         ▲                                                                │
 *         └──────────────── changes of ReplicaSets and pods ◀──────────────┘
 *
 * Source: Kubernetes, "Deployments"; words of its events.
 */
import { isPodError } from "../base/errors.ts";
import { firstDifference } from "../spec/first-difference.ts";
import type {
  Deployment,
  LabelSelector,
  PodTemplateSpec,
  ReplicaSet,
} from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { contentHash } from "../spec/template-hash.ts";
import { changeObject } from "../store/change-object.ts";
import { deleteObject } from "../store/delete-object.ts";
import { claimObjects } from "./claim-objects.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import {
  newestAnnotations,
  revisionAnnotation,
  revisionOf,
  sizeAnnotations,
} from "./deployment-annotations.ts";
import { type DeploymentFacts, deadlineMs, deploymentStatus } from "./deployment-status.ts";
import type { CacheChange } from "./object-cache.ts";
import { controllerOf, controllerReference } from "./ownership.ts";
import {
  byAge,
  type DeploymentState,
  planDeployment,
  type Resize,
  sizeOf,
} from "./plan-deployment.ts";
import { writeStatus } from "./write-status.ts";

const component = "deployment-controller";
const hashLabel = "pod-template-hash";

export class DeploymentController implements Controller<Deployment> {
  readonly kind = "Deployment";
  readonly dependents: readonly string[] = ["ReplicaSet"];
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  selector({ spec }: Deployment): LabelSelector {
    return spec.selector;
  }

  /** The end of a pod tells nothing to its ReplicaSet, but Recreate waits for it. */
  concerns({ type, object }: CacheChange): Iterable<Deployment> {
    const { cache } = this.#context;
    const { namespace } = object.metadata;
    if (object.kind !== "Pod" || type !== "DELETED") return [];
    const owner = controllerOf(object)?.name ?? "";
    const set = cache.get<ReplicaSet>("ReplicaSet", namespace, owner);
    const name = set && controllerOf(set)?.name;
    const found = name && cache.get<Deployment>("Deployment", namespace, name);
    return found ? [found] : [];
  }

  reconcile(deployment: Deployment): number | undefined {
    const { clock } = this.#context;
    const state = this.#stateOf(deployment);
    if (deployment.metadata.deletionTimestamp !== undefined) {
      return this.#writeStatus(deployment, { ...state, nowMs: clock.now() });
    }
    const { state: numbered, isFound } = this.#number(state);
    const step = planDeployment(numbered);
    let collisionCount = deployment.status?.collisionCount;
    let isMade = false;
    if (step.kind === "resize") for (const size of step.sizes) this.#resize(deployment, size);
    else if (step.kind === "create" && !this.#createSet(numbered, step.replicas)) {
      collisionCount = (collisionCount ?? 0) + 1;
    } else if (step.kind === "create") isMade = true;
    else this.#forgetHistory(numbered);
    const after = this.#stateOf(deployment);
    const news = isMade ? "created" : isFound ? "found" : undefined;
    return this.#writeStatus(deployment, { ...after, news, collisionCount, nowMs: clock.now() });
  }

  #stateOf(deployment: Deployment): DeploymentState {
    const { cache } = this.#context;
    const sets = [...claimObjects<ReplicaSet>(deployment, "ReplicaSet", this.#context)].sort(byAge);
    const newest = sets.find(({ spec }) => isSameTemplate(spec.template, deployment.spec.template));
    const old = sets.filter((set) => set !== newest);
    const oldPods = old.flatMap(({ metadata }) => cache.owned<Pod>("Pod", metadata));
    return { deployment, newest, old, oldPods };
  }

  /** The newest ReplicaSet has the highest revision, and the Deployment its number. */
  #number(state: DeploymentState): { readonly state: DeploymentState; readonly isFound: boolean } {
    const { deployment, newest, old } = state;
    if (newest === undefined || deployment.spec.paused === true) return { state, isFound: false };
    const revision = Math.max(revisionOf(newest), 1 + Math.max(0, ...old.map(revisionOf)));
    const { minReadySeconds } = deployment.spec;
    const isFound = revision > revisionOf(newest) && revisionOf(newest) > 0;
    const numbered = this.#changeSet(newest, (set) => {
      const { minReadySeconds: _, ...spec } = set.spec;
      return {
        ...set,
        metadata: { ...set.metadata, annotations: newestAnnotations(set, deployment, revision) },
        spec: { ...spec, ...(minReadySeconds !== undefined && { minReadySeconds }) },
      };
    });
    this.#noteRevision(deployment, revisionOf(numbered ?? newest));
    return { state: { ...state, newest: numbered ?? newest }, isFound };
  }

  #noteRevision(deployment: Deployment, revision: number): void {
    changeObject<Deployment>(this.#context.store, deployment, (current) => {
      if (revisionOf(current) === revision) return undefined;
      const annotations = {
        ...current.metadata.annotations,
        [revisionAnnotation]: String(revision),
      };
      return { ...current, metadata: { ...current.metadata, annotations } };
    });
  }

  #resize(deployment: Deployment, { set, replicas }: Resize): void {
    const before = sizeOf(set);
    this.#changeSet(set, (current) => ({
      ...current,
      metadata: {
        ...current.metadata,
        annotations: { ...current.metadata.annotations, ...sizeAnnotations(deployment) },
      },
      spec: { ...current.spec, replicas },
    }));
    this.#announce(deployment, set.metadata.name, before, replicas);
  }

  /** @returns false when another object has the name that this template gives. */
  #createSet({ deployment, old }: DeploymentState, replicas: number): boolean {
    const { create } = this.#context;
    const { spec, metadata, status } = deployment;
    const hash = contentHash(spec.template, status?.collisionCount);
    const labels = { ...spec.template.metadata.labels, [hashLabel]: hash };
    const annotations = newestAnnotations(
      { metadata: { name: "", namespace: "", uid: "", annotations: sizeAnnotations(deployment) } },
      deployment,
      1 + Math.max(0, ...old.map(revisionOf)),
    );
    const { minReadySeconds } = spec;
    try {
      const made = create<ReplicaSet>({
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        metadata: {
          name: `${metadata.name}-${hash}`,
          namespace: metadata.namespace,
          uid: "",
          labels,
          annotations,
          ownerReferences: [controllerReference(deployment)],
        },
        spec: {
          replicas,
          ...(minReadySeconds !== undefined && { minReadySeconds }),
          selector: {
            ...spec.selector,
            matchLabels: { ...spec.selector.matchLabels, [hashLabel]: hash },
          },
          template: {
            ...spec.template,
            metadata: { ...spec.template.metadata, labels },
          },
        },
      });
      this.#noteRevision(deployment, revisionOf(made));
      if (replicas > 0) this.#announce(deployment, made.metadata.name, 0, replicas);
      return true;
    } catch (error) {
      if (isPodError(error, "AlreadyExists")) return false;
      throw error;
    }
  }

  #announce(deployment: Deployment, name: string, before: number, after: number): void {
    const verb = after > before ? "Scaled up" : "Scaled down";
    const message = `${verb} replica set ${name} from ${before} to ${after}`;
    const event = { type: "Normal", reason: "ScalingReplicaSet", message } as const;
    this.#context.report(deployment, event, component);
  }

  /** Old ReplicaSets without pods go, the lowest revisions first, when there are more than are to be kept. */
  #forgetHistory({ deployment, old }: DeploymentState): void {
    const limit = deployment.spec.revisionHistoryLimit ?? 10;
    const empty = old.filter(
      (set) => sizeOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && !hasTerminating(set),
    );
    const surplus = empty
      .sort((a, b) => revisionOf(a) - revisionOf(b))
      .slice(0, -limit || undefined);
    const { store, clock } = this.#context;
    for (const set of surplus) deleteObject(store, set, { nowMs: clock.now() });
  }

  /** The wish of a ReplicaSet counts in its generation. */
  #changeSet(set: ReplicaSet, change: (current: ReplicaSet) => ReplicaSet): ReplicaSet | undefined {
    return changeObject<ReplicaSet>(this.#context.store, set, (current) => {
      const next = change(current);
      if (firstDifference(current, next, "") === undefined) return undefined;
      if (firstDifference(current.spec, next.spec, "") === undefined) return next;
      const generation = (current.metadata.generation ?? 0) + 1;
      return { ...next, metadata: { ...next.metadata, generation } };
    });
  }

  #writeStatus(deployment: Deployment, facts: DeploymentFacts): number | undefined {
    const { store, cache } = this.#context;
    const { namespace, name } = deployment.metadata;
    // Its annotations may have changed since.
    const current = cache.get<Deployment>("Deployment", namespace, name) ?? deployment;
    const collisionCount = facts.collisionCount ?? current.status?.collisionCount;
    const status = deploymentStatus(current, { ...facts, collisionCount });
    writeStatus(store, current, status);
    return deadlineMs(current, status);
  }
}

function hasTerminating({ status }: ReplicaSet): boolean {
  return (status?.terminatingReplicas ?? 0) > 0;
}

/** Whether a ReplicaSet is of a template, but for the label that tells its hash. */
function isSameTemplate(one: PodTemplateSpec | undefined, other: PodTemplateSpec): boolean {
  if (one === undefined) return false;
  return firstDifference(withoutHash(one), withoutHash(other), "") === undefined;
}

function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [hashLabel]: _, ...labels } = template.metadata.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}
