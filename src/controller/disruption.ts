/**
 * Keeps the status of PodDisruptionBudgets: how many pods may be evicted now. Evictions look at the pods themselves
 * (apiserver/evict-pod.ts), so this is for people and for clients that ask first.
 * Source: Kubernetes, "Specifying a Disruption Budget for your Application".
 */
import { budgetStatus, selectPods } from "../scheduler/disruption-budget.ts";
import type { PodDisruptionBudget } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import { workloadScale } from "../store/workload-scale.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import type { CacheChange } from "./object-cache.ts";
import { writeStatus } from "./write-status.ts";

/** Pods, and those whose numbers of replicas are in the budgets' shares. */
const counted: ReadonlySet<string> = new Set(["Pod", "ReplicaSet", "Deployment", "StatefulSet"]);

export class DisruptionController implements Controller<PodDisruptionBudget> {
  readonly kind = "PodDisruptionBudget";
  readonly dependents: readonly string[] = [];
  readonly #context: ControllerContext;

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  concerns({ object }: CacheChange): Iterable<PodDisruptionBudget> {
    if (!counted.has(object.kind)) return [];
    return this.#context.cache.list(this.kind, object.metadata.namespace);
  }

  reconcile(budget: PodDisruptionBudget): undefined {
    const { store, cache, clock } = this.#context;
    if (budget.metadata.deletionTimestamp !== undefined) return;
    const pods = selectPods(budget, cache.list<Pod>("Pod", budget.metadata.namespace));
    const scaleOf = workloadScale.bind(undefined, store);
    writeStatus(store, budget, budgetStatus(budget, pods, scaleOf, clock.now()));
  }
}
