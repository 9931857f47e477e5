// The scheduler on a real store: what is written, what is said, and what wakes it.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { PodError } from "../../../src/base/errors.ts";
import { createLogger } from "../../../src/base/log.ts";
import { ClusterState } from "../../../src/controller/cluster-state.ts";
import { Scheduler } from "../../../src/controller/scheduler.ts";
import type { Node } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod, PodCondition } from "../../../src/spec/pod.ts";
import { Store } from "../../../src/store/store.ts";
import { nodeOf, type PodWishes, podOf } from "../scheduler/fixture.ts";
import { claimOf } from "../volume/claims.ts";

const log = createLogger("silent");

class World {
  readonly folder = mkdtempSync(join(tmpdir(), "nspod-scheduler-"));
  readonly store = Store.open(join(this.folder, "nspod.db"));
  readonly events: string[] = [];
  readonly timers: { readonly atMs: number; readonly run: () => void }[] = [];
  nowMs = 1_000_000;
  /** What goes wrong when a claim is bound. */
  fault: Error | undefined;
  /** Why a claim is not bound. */
  phrase: string | undefined;
  readonly state: ClusterState;
  readonly scheduler: Scheduler;

  constructor() {
    const clock: Clock = {
      ...systemClock,
      now: () => this.nowMs,
      after: (delayMs, run) => {
        const timer = { atMs: this.nowMs + delayMs, run };
        this.timers.push(timer);
        return () => void this.timers.splice(this.timers.indexOf(timer), 1);
      },
    };
    this.store.create(nodeOf("n1").node);
    this.state = new ClusterState(this.store);
    const common = { store: this.store, state: this.state, clock, log };
    const report = (
      { metadata }: { readonly metadata: { readonly name: string } },
      { reason }: { readonly reason: string },
    ): void => void this.events.push(`${metadata.name} ${reason}`);
    this.scheduler = new Scheduler({
      ...common,
      report,
      claims: {
        volumeOf: () => {
          if (this.fault !== undefined) throw this.fault;
          if (this.phrase === undefined) return {} as never;
          throw new PodError("FailedPrecondition", "no", { data: { phrase: this.phrase } });
        },
      },
    });
    this.scheduler.start();
  }

  /** As the door does it. */
  async create(name: string, wishes: PodWishes = {}): Promise<Pod> {
    this.store.create(this.scheduler.place(podOf(name, wishes)));
    return await this.pod(name);
  }

  async pod(name: string): Promise<Pod> {
    for (let quiet = 0; quiet < 4; quiet++) await turn();
    const found = this.store.get<Pod>("Pod", "default", name);
    if (found === undefined) throw new Error(`there is no pod ${name}`);
    return found;
  }

  changeNode(change: (node: Node) => Node): void {
    this.store.mutate<Node>("Node", "", "n1", change);
  }

  close(): void {
    this.scheduler[Symbol.dispose]();
    this.state[Symbol.dispose]();
    this.store.close();
    rmSync(this.folder, { recursive: true });
  }
}

function scheduled({ status }: Pod): PodCondition | undefined {
  return status?.conditions?.find(({ type }) => type === "PodScheduled");
}

let world: World;
const schedule = suite("Scheduler");
schedule.before.each(() => {
  world = new World();
});
schedule.after.each(() => world.close());

schedule("stores a pod that fits with its node, in one write", async () => {
  const before = Number(world.store.resourceVersion);
  const pod = await world.create("p");
  assert.is(pod.spec.nodeName, "n1");
  assert.is(pod.status?.phase, "Pending");
  assert.is(scheduled(pod)?.status, "True");
  assert.is(Number(world.store.resourceVersion), before + 1);
  assert.equal(world.events, ["p Scheduled"]);
});

schedule("announces nothing that was not stored", async () => {
  await world.create("p");
  const again = world.scheduler.place({
    ...podOf("p"),
    metadata: { name: "p", namespace: "default", uid: "other" },
  });
  assert.throws(() => world.store.create(again));
  await world.create("q");
  assert.equal(world.events, ["p Scheduled", "q Scheduled"]);
});

schedule("waits, says why once, and binds when the node changes", async () => {
  const pod = await world.create("p", { nodeSelector: { disk: "ssd" } });
  assert.is(pod.spec.nodeName, undefined);
  assert.is(scheduled(pod)?.reason, "Unschedulable");
  world.changeNode((node) => ({
    ...node,
    metadata: { ...node.metadata, labels: { ...node.metadata.labels, x: "y" } },
  }));
  assert.is((await world.pod("p")).metadata.resourceVersion, pod.metadata.resourceVersion);
  assert.equal(world.events, ["p FailedScheduling"]);
  world.changeNode((node) => ({
    ...node,
    metadata: { ...node.metadata, labels: { ...node.metadata.labels, disk: "ssd" } },
  }));
  assert.is((await world.pod("p")).spec.nodeName, "n1");
  assert.equal(world.events, ["p FailedScheduling", "p Scheduled"]);
});

schedule("heartbeats and status of others wake nobody", async () => {
  const pod = await world.create("p", { requests: { cpu: "3" } });
  await world.create("other");
  const before = (await world.pod("p")).metadata.resourceVersion;
  world.changeNode((node) => ({
    ...node,
    status: { ...node.status, images: [{ names: ["x"], sizeBytes: 1 }] },
  }));
  assert.is((await world.pod("p")).metadata.resourceVersion, before);
  assert.is(scheduled(pod)?.reason, "Unschedulable");
});

schedule("room is given to the most important, in the order of age", async () => {
  await world.create("holder", { requests: { cpu: "2" }, priority: 9 });
  await world.create("low", { requests: { cpu: "2" } });
  await world.create("high", { requests: { cpu: "2" }, priority: 5 });
  world.store.mutate<Pod>("Pod", "default", "holder", (pod) => ({
    ...pod,
    status: { ...pod.status, phase: "Succeeded" },
  }));
  assert.is((await world.pod("high")).spec.nodeName, "n1");
  assert.is((await world.pod("low")).spec.nodeName, undefined);
});

schedule("evicts the less important and has the place when it is free", async () => {
  await world.create("low", { requests: { cpu: "2" } });
  const high = await world.create("high", { requests: { cpu: "2" }, priority: 5 });
  assert.is(high.status?.nominatedNodeName, "n1");
  const low = await world.pod("low");
  assert.ok(low.metadata.deletionTimestamp);
  assert.ok(low.status?.conditions?.some(({ reason }) => reason === "PreemptionByScheduler"));
  assert.equal(world.events, ["low Scheduled", "high FailedScheduling", "low Preempted"]);
  world.store.delete("Pod", "default", "low");
  const bound = await world.pod("high");
  assert.is(bound.spec.nodeName, "n1");
  assert.is(bound.status?.nominatedNodeName, undefined);
});

schedule("a pod that is refused again has to wait a little", async () => {
  const holds = { requests: { cpu: "1" }, priority: 9 };
  for (const name of ["first", "second"]) await world.create(name, holds);
  await world.create("pod", { requests: { cpu: "2" }, priority: 5 });
  for (const name of ["first", "second"]) {
    world.store.delete("Pod", "default", name);
    await world.pod("pod");
  }
  assert.is((await world.pod("pod")).spec.nodeName, undefined);
  const [timer] = world.timers;
  assert.is(timer?.atMs, world.nowMs + 1000);
  world.nowMs += 1000;
  timer?.run();
  assert.is((await world.pod("pod")).spec.nodeName, "n1");
});

schedule("more pods than one turn takes all have their place", async () => {
  world.changeNode((node) => ({ ...node, status: { allocatable: { pods: "0" } } }));
  const names = Array.from({ length: 60 }, (_, index) => `p${index}`);
  for (const name of names) world.store.create(world.scheduler.place(podOf(name)));
  await world.pod("p0");
  world.changeNode((node) => ({ ...node, status: { allocatable: { pods: "100" } } }));
  await world.pod("p0");
  for (const { run } of world.timers) run();
  for (const name of names) assert.is((await world.pod(name)).spec.nodeName, "n1", name);
});

schedule("gated pods and those of other schedulers are left alone", async () => {
  const gated = await world.create("gated", { schedulingGates: [{ name: "a" }] });
  assert.is(scheduled(gated)?.reason, "SchedulingGated");
  const foreign = await world.create("foreign", { schedulerName: "mine" });
  assert.is(foreign.status, undefined);
  assert.equal(world.events, []);
  world.store.mutate<Pod>("Pod", "default", "gated", (pod) => ({
    ...pod,
    spec: { ...pod.spec, schedulingGates: [] },
  }));
  assert.is((await world.pod("gated")).spec.nodeName, "n1");
});

schedule("a pod waits for its claims", async () => {
  world.phrase = "pod has unbound immediate PersistentVolumeClaims";
  const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "data" } }];
  const pod = await world.create("p", { volumes });
  assert.is(
    scheduled(pod)?.message,
    "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
  );
  world.phrase = undefined;
  world.store.create(claimOf("data"));
  assert.is((await world.pod("p")).spec.nodeName, "n1");
});

schedule("what goes wrong with one pod holds up no other, and is tried again", async () => {
  world.fault = new Error("out of space");
  const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "data" } }];
  world.store.create(world.scheduler.place(podOf("broken", { volumes, priority: 5 })));
  world.changeNode((node) => ({ ...node, spec: { unschedulable: true } }));
  world.store.create(world.scheduler.place(podOf("other")));
  world.changeNode((node) => ({ ...node, spec: {} }));
  assert.is((await world.pod("broken")).spec.nodeName, undefined);
  assert.is((await world.pod("other")).spec.nodeName, "n1");
  world.fault = undefined;
  world.nowMs += 1000;
  for (const { run } of world.timers.splice(0)) run();
  assert.is((await world.pod("broken")).spec.nodeName, "n1");
});

schedule.run();
