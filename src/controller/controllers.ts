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
import { NodeLifecycle } from "./node-lifecycle.ts";
import { ObjectCache } from "./object-cache.ts";
import { PodCollector } from "./pod-collector.ts";
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
  /** How long a node may be silent. */
  readonly nodeGraceMs: number;
}

export class Controllers implements Disposable {
  readonly #cache: ObjectCache;
  readonly #context: ControllerContext;
  readonly #loops: ControllerLoop<KubernetesObject>[] = [];
  /** Those that always wait for a time, and keep no daemon for that. */
  readonly #watchers: ControllerLoop<KubernetesObject>[];
  #first: NodeJS.Immediate | undefined;
  #isStarted = false;

  constructor(options: ControllersOptions) {
    const cache = new ObjectCache(options.store, cachedKinds);
    const context = { ...options, cache };
    const { nodeGraceMs } = options;
    this.#cache = cache;
    this.#context = context;
    for (const controller of [
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
      new PodCollector(context, nodeGraceMs),
    ]) {
      this.add(() => controller);
    }
    this.#watchers = [new ControllerLoop(new NodeLifecycle(context, nodeGraceMs), context)];
  }

  /** One more, which works when the others do. */
  add(make: (context: ControllerContext) => Controller<KubernetesObject>): void {
    const loop = new ControllerLoop(make(this.#context), this.#context);
    this.#loops.push(loop);
    if (this.#isStarted) loop.start();
  }

  /** Reads every object that they may need once: not in the way of the first request. */
  start(): void {
    this.#first = setImmediate(() => {
      this.#cache.start();
      for (const loop of [...this.#loops, ...this.#watchers]) loop.start();
      this.#isStarted = true;
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
    for (const loop of [...this.#loops, ...this.#watchers]) loop[Symbol.dispose]();
    this.#cache[Symbol.dispose]();
  }
}
