// Pods on a node with taints of the effect NoExecute, on a clock of the test: who goes, when, and who may stay.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { toTime } from "../../../src/base/clock.ts";
import { createLogger } from "../../../src/base/log.ts";
import { ControllerLoop } from "../../../src/controller/controller-loop.ts";
import { cachedKinds } from "../../../src/controller/controllers.ts";
import { ObjectCache } from "../../../src/controller/object-cache.ts";
import { leavesAtMs, TaintEviction } from "../../../src/controller/taint-eviction.ts";
import type { Node, Taint, Toleration } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { disruptionTarget } from "../../../src/spec/pod-condition.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { nodeOf, podOf } from "../scheduler/fixture.ts";

const out: Taint = { key: "out", effect: "NoExecute" };
const always: Toleration = { key: "out", operator: "Exists" };

function tolerated(tolerationSeconds: number): Toleration {
  return { ...always, tolerationSeconds };
}

class World {
  readonly #folder = mkdtempSync(join(tmpdir(), "nspod-taints-"));
  readonly store = Store.open(join(this.#folder, "nspod.db"));
  readonly clock = new FakeClock();
  readonly events: string[] = [];
  #parts: readonly Disposable[] = [];

  constructor() {
    this.store.create(nodeOf("n1").node);
    this.store.create(nodeOf("n2").node);
    this.start();
  }

  /** Begins with what the store holds, as a new daemon does. */
  start(): void {
    for (const part of this.#parts) part[Symbol.dispose]();
    const { store, clock } = this;
    const cache = new ObjectCache(store, cachedKinds);
    const context = {
      store,
      cache,
      clock,
      log: createLogger("silent"),
      create: (): never => {
        throw new Error("Taints make nothing");
      },
      report: (
        { metadata }: { readonly metadata: { readonly name: string } },
        { message }: { readonly message: string },
      ) => void this.events.push(`${metadata.name}: ${message}`),
    };
    const loop = new ControllerLoop(new TaintEviction(context), context);
    this.#parts = [cache, loop];
    cache.start();
    loop.start();
  }

  stop(): void {
    for (const part of this.#parts) part[Symbol.dispose]();
    this.store.close();
    rmSync(this.#folder, { recursive: true });
  }

  async create(name: string, ...tolerations: readonly Toleration[]): Promise<void> {
    this.store.create(podOf(name, { nodeName: "n1", tolerations }));
    await this.settled();
  }

  async taint(...taints: readonly Taint[]): Promise<void> {
    this.store.mutate<Node>("Node", "", "n1", (node) => ({
      ...node,
      spec: { ...node.spec, taints },
    }));
    await this.settled();
  }

  pod(name: string): Pod | undefined {
    return this.store.get<Pod>("Pod", "default", name);
  }

  /** Names of the pods that are to go. */
  leaving(): readonly string[] {
    return this.store
      .list<Pod>("Pod")
      .items.filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
      .map(({ metadata }) => metadata.name);
  }

  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 4; ) {
      const before = this.store.resourceVersion;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.store.resourceVersion === before ? quiet + 1 : 0;
    }
  }

  async pass(seconds: number): Promise<void> {
    await this.clock.pass(1000 * seconds);
    await this.settled();
  }
}

let world: World;
const taints = suite("TaintEviction");
taints.before.each(() => {
  world = new World();
});
taints.after.each(() => world.stop());

taints("deletes who does not tolerate it at once, and who does for a time after it", async () => {
  await world.create("none");
  await world.create("brief", tolerated(10));
  await world.create("always", always);
  await world.taint(out);
  assert.equal(world.leaving(), ["none"]);
  assert.ok(
    world
      .pod("none")
      ?.status?.conditions?.some(
        ({ type, reason }) => type === "DisruptionTarget" && reason === "DeletionByTaintManager",
      ),
  );
  assert.equal(world.events, ["none: Marking for deletion Pod default/none"]);
  // Another change of the node does not begin the time anew.
  await world.pass(6);
  await world.taint(out, { key: "more", effect: "NoSchedule" });
  await world.pass(3);
  assert.equal(world.leaving(), ["none"]);
  await world.pass(1);
  assert.equal(world.leaving(), ["brief", "none"]);
  await world.pass(100_000);
  assert.equal(world.leaving(), ["brief", "none"]);
});

taints("says once why a pod goes that somebody wanted to end before", async () => {
  const before = disruptionTarget("EvictionByEvictionAPI", "Eviction API: evicting", 1000);
  world.store.create(podOf("marked", { nodeName: "n1", status: { conditions: [before] } }));
  await world.taint(out);
  const conditions = world.pod("marked")?.status?.conditions ?? [];
  assert.equal(
    conditions.map(({ type, reason }) => [type, reason]),
    [["DisruptionTarget", "DeletionByTaintManager"]],
  );
});

taints(
  "a taint that is taken away in time is forgiven, and the next one begins a time of its own",
  async () => {
    await world.create("brief", tolerated(10));
    await world.taint(out);
    await world.pass(9);
    await world.taint();
    assert.equal(world.events, ["brief: Cancelling deletion of Pod default/brief"]);
    assert.is(world.clock.timers, 0);
    await world.pass(100);
    assert.equal(world.leaving(), []);
    await world.taint(out);
    await world.pass(9);
    assert.equal(world.leaving(), []);
    await world.pass(1);
    assert.equal(world.leaving(), ["brief"]);
  },
);

taints(
  "a pod that comes to such a node later, and a daemon that comes later, find it as it is",
  async () => {
    await world.taint(out);
    await world.create("none");
    await world.create("brief", tolerated(10));
    assert.equal(world.leaving(), ["none"]);
    await world.pass(4);
    world.start();
    await world.settled();
    // Nothing says since when the taint is there.
    await world.pass(9);
    assert.equal(world.leaving(), ["none"]);
    await world.pass(1);
    assert.equal(world.leaving(), ["brief", "none"]);
  },
);

taints(
  "the time of a taint that says when it was added counts, also for the next daemon",
  async () => {
    await world.create("brief", tolerated(10));
    await world.taint({ ...out, timeAdded: toTime(world.clock.now()) });
    await world.pass(6);
    world.start();
    await world.settled();
    await world.pass(3);
    assert.equal(world.leaving(), []);
    await world.pass(1);
    assert.equal(world.leaving(), ["brief"]);
  },
);

taints(
  "pods of other nodes, pods that have ended and a pod that goes by itself are left alone",
  async () => {
    world.store.create(podOf("elsewhere", { nodeName: "n2" }));
    await world.create("ended");
    world.store.mutate<Pod>("Pod", "default", "ended", (pod) => ({
      ...pod,
      status: { phase: "Succeeded" },
    }));
    await world.create("brief", tolerated(10));
    await world.taint(out);
    world.store.delete("Pod", "default", "brief");
    await world.settled();
    await world.pass(60);
    assert.equal(world.leaving(), []);
    assert.equal(world.events, []);
  },
);

taints("a pod of the same name that comes later has its own time", async () => {
  await world.create("brief", tolerated(10));
  await world.taint(out);
  await world.pass(6);
  world.store.delete("Pod", "default", "brief");
  await world.settled();
  world.store.create({
    ...podOf("brief", { nodeName: "n1", tolerations: [tolerated(10)] }),
    metadata: { name: "brief", namespace: "default", uid: "second" },
  });
  await world.settled();
  await world.pass(9);
  assert.equal(world.leaving(), []);
  await world.pass(1);
  assert.equal(world.leaving(), ["brief"]);
});

taints("leavesAtMs() takes the shortest time, from when the taint was added", () => {
  assert.is(leavesAtMs([], [out], 5), 0);
  assert.is(leavesAtMs([always], [out], 5), Infinity);
  assert.is(leavesAtMs([tolerated(9), tolerated(3)], [out], 5), 3005);
  const added = { ...out, timeAdded: "1970-01-01T00:01:00Z" };
  assert.is(leavesAtMs([tolerated(3)], [added], 5), 63_000);
  assert.is(leavesAtMs([], [], 5), Infinity);
});

taints.run();
