// A store with the controllers of batch at work on a clock of the test, and pods whose end the test decides.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { newObject } from "../../../src/apiserver/create-object.ts";
import { createLogger } from "../../../src/base/log.ts";
import { Controllers } from "../../../src/controller/controllers.ts";
import { ensureFirstObjects } from "../../../src/controller/first-objects.ts";
import { ServiceState } from "../../../src/controller/service-state.ts";
import type { CronJob, Job } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { deleteObject } from "../../../src/store/delete-object.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";

export class Batch {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "nspod-batch-"));
  readonly store: Store = Store.open(join(this.#folder, "nspod.db"));
  readonly clock: FakeClock;
  readonly events: string[] = [];
  readonly #services = new ServiceState(this.store);
  #controllers: Controllers | undefined;

  constructor(now = "2026-07-09T14:45:30Z") {
    this.clock = new FakeClock(Date.parse(now));
    ensureFirstObjects(this.store, 0);
    this.start();
  }

  /** Begins with what the store holds, as a new daemon does. */
  start(): void {
    this.away();
    const { store, clock } = this;
    this.#controllers = new Controllers({
      store,
      services: this.#services,
      nodeGraceMs: 40_000,
      clock,
      log: createLogger("silent"),
      create: <T extends KubernetesObject>(wish: T): T =>
        store.create(newObject({ store, mountsTokens: false }, wish, clock.now()), {
          durable: false,
        }),
      report: (_, { reason }) => void this.events.push(reason),
    });
    this.#controllers.start();
  }

  /** The daemon is not there. */
  away(): void {
    this.#controllers?.[Symbol.dispose]();
  }

  stop(): void {
    this.away();
    this.#services[Symbol.dispose]();
    this.store.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  create<T extends Job | CronJob>(kind: T["kind"], name: string, spec: object): T {
    const metadata = { name, namespace: "default", uid: "" };
    const wish = { apiVersion: "batch/v1", kind, metadata, spec } as unknown as T;
    const admission = { store: this.store, mountsTokens: false };
    return this.store.create(newObject(admission, wish, this.clock.now()), { durable: false });
  }

  change<T extends Job | CronJob>(kind: T["kind"], name: string, spec: object): void {
    this.store.mutate<T>(kind, "default", name, (now) => ({
      ...now,
      spec: { ...now.spec, ...spec },
    }));
  }

  job(name = "work"): Job | undefined {
    return this.store.get<Job>("Job", "default", name);
  }

  jobs(): readonly Job[] {
    return this.store.list<Job>("Job").items;
  }

  cronJob(name = "tick"): CronJob | undefined {
    return this.store.get<CronJob>("CronJob", "default", name);
  }

  pods(): readonly Pod[] {
    return this.store.list<Pod>("Pod").items;
  }

  /** Pods that have not ended. */
  active(): readonly Pod[] {
    return this.pods().filter(
      ({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed",
    );
  }

  /** A container of the pod has ended. */
  end({ metadata }: Pod, exitCode: number): void {
    const finishedAt = new Date(this.clock.now()).toISOString();
    this.store.mutate<Pod>("Pod", "default", metadata.name, (pod) => ({
      ...pod,
      status: {
        ...pod.status,
        phase: exitCode === 0 ? "Succeeded" : "Failed",
        containerStatuses: [
          {
            name: "main",
            ready: false,
            restartCount: 0,
            image: "",
            imageID: "",
            state: { terminated: { exitCode, finishedAt } },
          },
        ],
      },
    }));
  }

  remove(kind: string, name: string): void {
    const object = { kind, metadata: { name, namespace: "default", uid: "" } };
    deleteObject(this.store, object, { nowMs: this.clock.now() });
  }

  /** Resolves when nothing has changed for a turn of every queue. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
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

export function template(more: object = {}): object {
  return {
    metadata: {},
    spec: { restartPolicy: "Never", containers: [{ name: "main", image: "busybox" }], ...more },
  };
}

/** `Complete CompletionsReached`: the conditions that are true. */
export function conditionsOf(job: Job | undefined): readonly string[] {
  return (job?.status?.conditions ?? [])
    .filter(({ status }) => status === "True")
    .map(({ type, reason }) => `${type} ${reason}`);
}
