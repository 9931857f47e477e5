// A store with the controllers of workloads at work on a clock of the test, and pods whose state the test decides.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newObject } from "../../../src/apiserver/create-object.ts";
import { toTime } from "../../../src/base/clock.ts";
import { PodError } from "../../../src/base/errors.ts";
import { createLogger } from "../../../src/base/log.ts";
import { Controllers } from "../../../src/controller/controllers.ts";
import { ensureFirstObjects } from "../../../src/controller/first-objects.ts";
import { ServiceState } from "../../../src/controller/service-state.ts";
import { defaultObject } from "../../../src/spec/admit.ts";
import type {
  Deployment,
  DeploymentCondition,
  ReplicaSet,
  StatefulSet,
} from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { deleteObject } from "../../../src/store/delete-object.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";

type Workload = Deployment | ReplicaSet | StatefulSet;

/** What a Deployment and its like have in a test. */
const labels = { app: "web" };

export function templateOf(image: string): object {
  return { metadata: { labels }, spec: { containers: [{ name: "main", image }] } };
}

export class Cluster {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "nspod-cluster-"));
  readonly store: Store = Store.open(join(this.#folder, "nspod.db"));
  readonly clock: FakeClock;
  readonly events: string[] = [];
  /** Every new pod is refused. */
  isFull = false;
  readonly #services = new ServiceState(this.store);
  #controllers: Controllers | undefined;

  constructor(now = "2026-07-09T14:45:30Z") {
    this.clock = new FakeClock(Date.parse(now));
    ensureFirstObjects(this.store, 0);
    this.start();
  }

  /** Begins with what the store holds, as a new daemon does. */
  start(): void {
    this.#controllers?.[Symbol.dispose]();
    const { store, clock } = this;
    this.#controllers = new Controllers({
      store,
      services: this.#services,
      nodeGraceMs: 40_000,
      clock,
      log: createLogger("silent"),
      create: <T extends KubernetesObject>(wish: T): T => {
        if (this.isFull && wish.kind === "Pod") {
          throw new PodError("ResourceExhausted", "No room for another pod");
        }
        return store.create(newObject({ store, mountsTokens: false }, wish, clock.now()), {
          durable: false,
        });
      },
      report: (_, { reason }) => void this.events.push(reason),
    });
    this.#controllers.start();
  }

  stop(): void {
    this.#controllers?.[Symbol.dispose]();
    this.#services[Symbol.dispose]();
    this.store.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Creates "web" with the image 1. */
  async create(kind: Workload["kind"], spec: object): Promise<void> {
    const wish = {
      apiVersion: "apps/v1",
      kind,
      metadata: { name: "web", namespace: "default", uid: "" },
      spec: { selector: { matchLabels: labels }, template: templateOf("1"), ...spec },
    } as unknown as Workload;
    const admission = { store: this.store, mountsTokens: false };
    this.store.create(newObject(admission, wish, this.clock.now()), { durable: false });
    await this.settled();
  }

  /** Changes the wish of "web". */
  async change(kind: Workload["kind"], spec: object): Promise<void> {
    this.store.mutate<Workload>(kind, "default", "web", (now) => {
      const generation = (now.metadata.generation ?? 0) + 1;
      const metadata = { ...now.metadata, generation };
      const next = { ...now, metadata, spec: { ...now.spec, ...spec } };
      // The door gives every template its defaults.
      return defaultObject(next as Workload, { randomSuffix: () => "" });
    });
    await this.settled();
  }

  async rollTo(image: string, kind: Workload["kind"] = "Deployment"): Promise<void> {
    await this.change(kind, { template: templateOf(image) });
  }

  get<T extends Workload>(kind: T["kind"]): T {
    const found = this.store.get<T>(kind, "default", "web");
    if (found === undefined) throw new Error(`There is no ${kind} "web"`);
    return found;
  }

  /** Oldest first; those of one moment by name. */
  pods(): readonly Pod[] {
    const age = ({ metadata }: Pod): string => metadata.creationTimestamp ?? "";
    return [...this.store.list<Pod>("Pod").items].sort((a, b) => age(a).localeCompare(age(b)));
  }

  replicaSets(): readonly ReplicaSet[] {
    return this.store.list<ReplicaSet>("ReplicaSet").items;
  }

  /** Images of the pods, sorted. */
  images(): readonly string[] {
    return this.pods()
      .map(({ spec }) => spec.containers[0]?.image ?? "")
      .sort();
  }

  /** The pods become ready now, or cease to be. */
  async ready(
    pods: readonly Pod[] = this.pods(),
    status: "True" | "False" = "True",
  ): Promise<void> {
    const lastTransitionTime = toTime(this.clock.now());
    for (const { metadata } of pods) {
      this.store.mutate<Pod>("Pod", "default", metadata.name, (pod) => {
        if (pod.status?.conditions?.some((is) => is.type === "Ready" && is.status === status)) {
          return undefined;
        }
        const conditions = [{ type: "Ready", status, lastTransitionTime }];
        return { ...pod, status: { ...pod.status, phase: "Running", conditions } };
      });
    }
    await this.settled();
  }

  async remove(kind: string, name: string): Promise<void> {
    const object = { kind, metadata: { name, namespace: "default", uid: "" } };
    deleteObject(this.store, object, { nowMs: this.clock.now() });
    await this.settled();
  }

  /** Resolves when nothing has changed for a turn of every queue. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 4; ) {
      const before = this.store.resourceVersion;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.store.resourceVersion === before ? quiet + 1 : 0;
    }
  }

  async pass(ms: number): Promise<void> {
    await this.clock.pass(ms);
    await this.settled();
  }
}

/** `Progressing False ProgressDeadlineExceeded`. */
export function conditionOf(deployment: Deployment, type: string): string | undefined {
  const found = deployment.status?.conditions?.find((is: DeploymentCondition) => is.type === type);
  return found && `${found.type} ${found.status} ${found.reason}`;
}
