// Nodes that fall silent, on a real store and a clock that the tests hold in their hands.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { renewedLease } from "../../../src/agent/node-lease.ts";
import { createLogger } from "../../../src/base/log.ts";
import { ControllerLoop } from "../../../src/controller/controller-loop.ts";
import { cachedKinds } from "../../../src/controller/controllers.ts";
import { NodeLifecycle } from "../../../src/controller/node-lifecycle.ts";
import { ObjectCache } from "../../../src/controller/object-cache.ts";
import { PodCollector } from "../../../src/controller/pod-collector.ts";
import type { Lease, Node } from "../../../src/spec/kubernetes.gen.ts";
import type { Pod } from "../../../src/spec/pod.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { nodeOf, podOf } from "../scheduler/fixture.ts";

const graceMs = 40_000;

class World implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), "nspod-nodes-"));
  readonly clock = new FakeClock();
  readonly store = Store.open(join(this.folder, "nspod.db"), { clock: this.clock });
  readonly events: string[] = [];
  #parts: readonly Disposable[] = [];

  constructor() {
    this.start();
  }

  /** Begins with what the store holds, as a new daemon does. */
  start(): void {
    for (const part of this.#parts) part[Symbol.dispose]();
    const { store, clock, events } = this;
    const cache = new ObjectCache(store, cachedKinds);
    const context = {
      store,
      cache,
      clock,
      log: createLogger("silent"),
      create: (): never => {
        throw new Error("The life of nodes makes nothing");
      },
      report: (
        { metadata }: { readonly metadata: { readonly name: string } },
        { reason }: { readonly reason: string },
      ) => void events.push(`${metadata.name} ${reason}`),
    };
    const loops = [
      new ControllerLoop(new NodeLifecycle(context, graceMs), context),
      new ControllerLoop(new PodCollector(context, graceMs), context),
    ];
    this.#parts = [...loops, cache];
    cache.start();
    for (const loop of loops) loop.start();
  }

  /** A node that has just reported that it is ready. */
  async join(name: string): Promise<void> {
    this.store.create({ ...nodeOf(name).node });
    this.report(name);
    await settled();
  }

  /** What the kubelet writes into the status. */
  report(name: string, status: "True" | "False" = "True"): void {
    const lastHeartbeatTime = new Date(this.clock.now()).toISOString();
    this.store.mutate<Node>("Node", "", name, (node) => ({
      ...node,
      status: { ...node.status, conditions: [{ type: "Ready", status, lastHeartbeatTime }] },
    }));
  }

  async renew(name: string): Promise<void> {
    const known = this.store.get<Lease>("Lease", "kube-node-lease", name);
    const node = this.node(name);
    const facts = { nodeName: name, node, durationSeconds: 40, nowMs: this.clock.now() };
    const next = renewedLease(facts, known);
    if (known === undefined) this.store.create(next);
    else this.store.update(next);
    await settled();
  }

  /** Nodes whose pods are to go. */
  evicting(): readonly string[] {
    return this.store
      .list<Node>("Node")
      .items.filter(({ spec }) => spec?.taints?.some(({ effect }) => effect === "NoExecute"))
      .map(({ metadata }) => metadata.name);
  }

  /** A ready pod of a node. */
  run(name: string, nodeName: string): void {
    const status = {
      startTime: "2026-01-01T00:00:00Z",
      conditions: [{ type: "Ready", status: "True" as const }],
    };
    this.store.create(podOf(name, { nodeName, status }));
  }

  node(name: string): Node | undefined {
    return this.store.get<Node>("Node", "", name);
  }

  ready(name: string): string | undefined {
    return this.node(name)?.status?.conditions?.find(({ type }) => type === "Ready")?.status;
  }

  isPodReady(name: string): boolean {
    const pod = this.store.get<Pod>("Pod", "default", name);
    return pod?.status?.conditions?.some((each) => each.status === "True") ?? false;
  }

  [Symbol.dispose](): void {
    for (const part of this.#parts) part[Symbol.dispose]();
    this.store.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const life = suite("NodeLifecycle");

life("a node that falls silent is Unknown and tainted, its pods are not ready", async () => {
  using world = new World();
  await world.join("n1");
  await world.join("n2");
  world.run("p1", "n1");
  world.run("p2", "n2");
  await world.clock.pass(graceMs - 1);
  assert.is(world.ready("n1"), "True");
  await world.renew("n2");
  await world.clock.pass(1);
  assert.is(world.ready("n1"), "Unknown");
  assert.equal(
    world.node("n1")?.spec?.taints?.map(({ key, effect }) => `${key} ${effect}`),
    ["node.kubernetes.io/unreachable NoSchedule", "node.kubernetes.io/unreachable NoExecute"],
  );
  assert.not(world.isPodReady("p1"));
  assert.equal(world.events, ["n1 NodeNotReady"]);
  assert.is(world.ready("n2"), "True");
  assert.ok(world.isPodReady("p2"));
});

life("leases keep a node alive for as long as they come", async () => {
  using world = new World();
  await world.join("n1");
  for (let round = 0; round < 20; round++) {
    await world.renew("n1");
    await world.clock.pass(graceMs / 4);
  }
  assert.is(world.ready("n1"), "True");
  await world.clock.pass(graceMs);
  assert.is(world.ready("n1"), "Unknown");
});

life("a node that reports again has no taints of silence", async () => {
  using world = new World();
  await world.join("n1");
  await world.clock.pass(graceMs);
  assert.is(world.ready("n1"), "Unknown");
  // The lease comes first: nobody knows yet how the node is.
  await world.renew("n1");
  assert.is(world.ready("n1"), "Unknown");
  world.report("n1");
  await settled();
  assert.is(world.ready("n1"), "True");
  assert.is(world.node("n1")?.spec?.taints, undefined);
});

life("a node that says it is not ready is tainted with that", async () => {
  using world = new World();
  await world.join("n1");
  world.run("p1", "n1");
  world.report("n1", "False");
  await settled();
  assert.is(world.node("n1")?.spec?.taints?.[0]?.key, "node.kubernetes.io/not-ready");
  assert.not(world.isPodReady("p1"));
});

life("a node that never reports is Unknown after the grace period", async () => {
  using world = new World();
  world.store.create(nodeOf("n1").node);
  await settled();
  await world.clock.pass(graceMs);
  const [ready] = world.node("n1")?.status?.conditions ?? [];
  assert.is(ready?.status, "Unknown");
  assert.is(ready?.reason, "NodeStatusNeverUpdated");
});

life("pods begin to go from one node of a zone every ten seconds", async () => {
  using world = new World();
  for (const name of ["n1", "n2", "n3", "n4"]) await world.join(name);
  await world.clock.pass(graceMs - 1);
  for (const name of ["n3", "n4"]) await world.renew(name);
  await world.clock.pass(1);
  assert.is(world.ready("n2"), "Unknown");
  assert.equal(world.evicting(), ["n1"]);
  await world.clock.pass(9999);
  assert.equal(world.evicting(), ["n1"]);
  await world.clock.pass(1);
  assert.equal(world.evicting(), ["n1", "n2"]);
});

life("nobody goes while no node is ready, and at the rate when one is back", async () => {
  using world = new World();
  for (const name of ["n1", "n2", "n3"]) await world.join(name);
  await world.clock.pass(graceMs - 1);
  for (const name of ["n2", "n3"]) await world.renew(name);
  await world.clock.pass(1);
  assert.equal(world.evicting(), ["n1"]);
  await world.clock.pass(graceMs);
  assert.is(world.ready("n3"), "Unknown");
  assert.equal(world.evicting(), []);
  await world.clock.pass(1_000_000);
  assert.equal(world.evicting(), []);
  world.report("n3");
  await settled();
  assert.is(world.evicting().length, 1);
  await world.clock.pass(10_000);
  assert.equal(world.evicting(), ["n1", "n2"]);
});

life("too many silent nodes of a small zone evict nobody until enough are back", async () => {
  using world = new World();
  for (const name of ["n1", "n2", "n3", "n4"]) await world.join(name);
  for (const name of ["n1", "n2", "n3"]) world.report(name, "False");
  await settled();
  assert.equal(world.evicting(), []);
  await world.clock.pass(30_000);
  assert.equal(world.evicting(), []);
  world.report("n3");
  await settled();
  assert.equal(world.evicting(), ["n1"]);
  await world.clock.pass(9999);
  assert.equal(world.evicting(), ["n1"]);
});

life("the only node that is not ready keeps its pods", async () => {
  using world = new World();
  await world.join("n1");
  world.report("n1", "False");
  await settled();
  assert.equal(world.evicting(), []);
  assert.is(world.node("n1")?.spec?.taints?.[0]?.effect, "NoSchedule");
});

life("pods of a node that is gone go, those that wait for their node stay", async () => {
  using world = new World();
  await world.join("n1");
  world.run("p1", "n1");
  world.store.create(podOf("waits", { nodeName: "n9" }));
  world.store.delete("Node", "", "n1");
  await settled();
  await world.clock.pass(graceMs - 1);
  assert.ok(world.store.get("Pod", "default", "p1"));
  await world.clock.pass(1);
  assert.is(world.store.get("Pod", "default", "p1"), undefined);
  assert.ok(world.store.get("Pod", "default", "waits"));
});

life("pods of a node that comes again in time stay, and a new daemon waits anew", async () => {
  using world = new World();
  await world.join("n1");
  world.run("p1", "n1");
  world.store.delete("Node", "", "n1");
  await settled();
  await world.clock.pass(graceMs - 1);
  await world.join("n1");
  await world.clock.pass(10);
  assert.ok(world.store.get("Pod", "default", "p1"));
  world.store.delete("Node", "", "n1");
  await settled();
  await world.clock.pass(graceMs - 1);
  world.start();
  await settled();
  await world.clock.pass(graceMs - 1);
  assert.ok(world.store.get("Pod", "default", "p1"));
  await world.clock.pass(1);
  assert.is(world.store.get("Pod", "default", "p1"), undefined);
});

life("a deleted pod of a node that does not exist goes when its finalizers have gone", async () => {
  using world = new World();
  const { metadata, ...rest } = podOf("p1", { nodeName: "n9" });
  const deletionTimestamp = "2026-01-01T00:00:00Z";
  world.store.create({ ...rest, metadata: { ...metadata, deletionTimestamp, finalizers: ["x"] } });
  await settled();
  assert.ok(world.store.get("Pod", "default", "p1"));
  world.store.mutate<Pod>("Pod", "default", "p1", (pod) => ({
    ...pod,
    metadata: { ...metadata, deletionTimestamp },
  }));
  await settled();
  assert.is(world.store.get("Pod", "default", "p1"), undefined);
});

life.run();
