/**
 * Keeps the status of PodDisruptionBudgets: how many pods may be evicted now. Evictions look at the pods themselves
 * (apiserver/evict-pod.ts), so this is for people and for clients that ask first.
 * Source: Kubernetes, "Specifying a Disruption Budget for your Application".
 */
import { budgetStatus, selectPods } from "../scheduler/disruption-budget.ts";
import { firstDifference } from "../spec/first-difference.ts";
import type { PodDisruptionBudget } from "../spec/kubernetes.gen.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import type { WatchEvent } from "../store/watch-event.ts";
import { workloadScale } from "../store/workload-scale.ts";
import type { ControllerOptions } from "./garbage-collector.ts";
import { KeyQueue } from "./key-queue.ts";
import { keyOf, objectKey, splitKey } from "./object-key.ts";

const kind = "PodDisruptionBudget";
/** Their numbers of replicas are in the budgets' shares. */
const owners: ReadonlySet<string> = new Set(["ReplicaSet", "Deployment", "StatefulSet"]);

export class DisruptionController implements Disposable {
  readonly #options: ControllerOptions;
  readonly #queue: KeyQueue;
  /** Namespace → names of its budgets: without any, pods need no look. */
  readonly #budgets = new Map<string, Set<string>>();
  #stop: () => void = () => undefined;

  constructor(options: ControllerOptions) {
    const { clock, log } = options;
    this.#options = options;
    this.#queue = new KeyQueue({ clock, log, reconcile: (key) => this.#reconcile(key) });
  }

  start(): void {
    const { store } = this.#options;
    this.#stop = store.follow((change) => this.#notice(change));
    for (const object of store.list<PodDisruptionBudget>(kind).items) {
      this.#notice({ type: "ADDED", object });
    }
  }

  [Symbol.dispose](): void {
    this.#stop();
    this.#queue[Symbol.dispose]();
  }

  #notice({ type, object }: WatchEvent<KubernetesObject>): void {
    const { namespace, name } = object.metadata;
    if (object.kind === kind) {
      const names = this.#budgets.get(namespace) ?? new Set();
      if (type === "DELETED") names.delete(name);
      else this.#queue.add(keyOf(object));
      if (type !== "DELETED") this.#budgets.set(namespace, names.add(name));
      else if (names.size === 0) this.#budgets.delete(namespace);
      return;
    }
    if (object.kind !== "Pod" && !owners.has(object.kind)) return;
    for (const budget of this.#budgets.get(namespace) ?? []) {
      this.#queue.add(objectKey(kind, namespace, budget));
    }
  }

  #reconcile(key: string): void {
    const { store, clock } = this.#options;
    const [, namespace, name] = splitKey(key);
    const found = store.get<PodDisruptionBudget>(kind, namespace, name);
    if (found === undefined || found.metadata.deletionTimestamp !== undefined) return;
    const pods = selectPods(found, store.list<Pod>("Pod", namespace).items);
    const scaleOf = workloadScale.bind(undefined, store);
    const status = budgetStatus(found, pods, scaleOf, clock.now());
    if (firstDifference(found.status ?? {}, status, "") === undefined) return;
    store.mutate<PodDisruptionBudget>(
      kind,
      namespace,
      name,
      (current) => ({ ...current, status }),
      { durable: false },
    );
  }
}
