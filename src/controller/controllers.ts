/** The controllers of objects on one cache: what the daemon starts. */
import type { KubernetesObject } from "../spec/resources.ts";
import type { Controller, ControllerContext } from "./controller.ts";
import { ControllerLoop } from "./controller-loop.ts";
import { CronJobController } from "./cron-job.ts";
import { DaemonSetController } from "./daemon-set.ts";
import { DeploymentController } from "./deployment.ts";
import { DisruptionController } from "./disruption.ts";
import { EndpointSlices } from "./endpoint-slices.ts";
import { JobController } from "./job.ts";
import { NamespaceLifecycle } from "./namespace-lifecycle.ts";
import { ObjectCache } from "./object-cache.ts";
import { ReplicaSetController } from "./replica-set.ts";
import type { ServiceState } from "./service-state.ts";
import { StatefulSetController } from "./stateful-set.ts";
import { TaintEviction } from "./taint-eviction.ts";

interface Sized extends KubernetesObject {
  readonly spec: { readonly replicas?: number };
}

/** Kinds whose objects want pods for as long as they are there. */
const workloads = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"];

/** What controllers read. */
export const cachedKinds: readonly string[] = [
  ...workloads,
  "ControllerRevision",
  "CronJob",
  "EndpointSlice",
  "Job",
  "Namespace",
  "Node",
  "Pod",
  "PodDisruptionBudget",
  "Service",
];

export interface ControllersOptions extends Omit<ControllerContext, "cache"> {
  readonly services: ServiceState;
}

export class Controllers implements Disposable {
  readonly #cache: ObjectCache;
  readonly #loops: readonly ControllerLoop<KubernetesObject>[];
  #first: NodeJS.Immediate | undefined;

  constructor(options: ControllersOptions) {
    const cache = new ObjectCache(options.store, cachedKinds);
    const context = { ...options, cache };
    const controllers: readonly Controller<KubernetesObject>[] = [
      new NamespaceLifecycle(context),
      new EndpointSlices(context),
      new ReplicaSetController(context),
      new DeploymentController(context),
      new StatefulSetController(context),
      new DaemonSetController(context),
      new JobController(context),
      new CronJobController(context),
      new DisruptionController(context),
      new TaintEviction(context),
    ];
    this.#cache = cache;
    this.#loops = controllers.map((controller) => new ControllerLoop(controller, context));
  }

  /** Reads every object that they may need once: not in the way of the first request. */
  start(): void {
    this.#first = setImmediate(() => {
      this.#cache.start();
      for (const loop of this.#loops) loop.start();
    });
  }

  /** Whether nothing is due by time alone, and no object wants pods: a daemon without pods may end then. */
  get isIdle(): boolean {
    const wants = (kind: string): boolean =>
      this.#cache.all<Sized>(kind).some(({ spec }) => spec.replicas !== 0);
    return this.#loops.every(({ isIdle }) => isIdle) && !workloads.some(wants);
  }

  [Symbol.dispose](): void {
    clearImmediate(this.#first);
    for (const loop of this.#loops) loop[Symbol.dispose]();
    this.#cache[Symbol.dispose]();
  }
}
