/** The controllers of workloads on one cache: what the daemon starts. */
import type { KubernetesObject } from "../spec/resources.ts";
import { DaemonSetController } from "./daemon-set.ts";
import { DeploymentController } from "./deployment.ts";
import { ObjectCache } from "./object-cache.ts";
import { ReplicaSetController } from "./replica-set.ts";
import { StatefulSetController } from "./stateful-set.ts";
import type { WorkloadOptions } from "./workload-loop.ts";

interface Sized extends KubernetesObject {
  readonly spec: { readonly replicas?: number };
}

const kinds = [
  "ReplicaSet",
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ControllerRevision",
  "Pod",
  "Node",
];

export class Workloads implements Disposable {
  readonly #cache: ObjectCache;
  readonly #controllers: readonly (Disposable & { start(): void })[];
  #first: NodeJS.Immediate | undefined;

  constructor(options: Omit<WorkloadOptions, "cache">) {
    const cache = new ObjectCache(options.store, kinds);
    this.#cache = cache;
    this.#controllers = [
      ReplicaSetController,
      DeploymentController,
      StatefulSetController,
      DaemonSetController,
    ].map((Controller) => new Controller({ ...options, cache }));
  }

  /** Reads every object that it may need once: not in the way of the first request. */
  start(): void {
    this.#first = setImmediate(() => {
      this.#cache.start();
      for (const controller of this.#controllers) controller.start();
    });
  }

  /** Whether no object wants pods: those that could not be made are tried again. */
  get isEmpty(): boolean {
    const wants = (kind: string): boolean =>
      this.#cache.all<Sized>(kind).some(({ spec }) => spec.replicas !== 0);
    return !["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"].some(wants);
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#first);
    for (const controller of this.#controllers) controller[Symbol.dispose]();
    this.#cache[Symbol.dispose]();
  }
}
