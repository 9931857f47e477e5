// What many pods that wait cost: the scheduler on a store of its own, with no daemon, no node and no pod that runs.
//
//   bind       PODS pods wait, NODES nodes have room for them: until the last one has its node
//   refuse     PODS pods wait that fit nowhere: until each of them says why
//   one ends   a pod ends meanwhile, which may help every one of them: until all that may have been tried again
//
// The event loop's longest turn is beside each: requests wait for so long. Once, with and without affinity. The promise
// is of the pods without: what a pod costs does not grow with how many wait.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { ClusterState } from "../../src/controller/cluster-state.ts";
import { Scheduler } from "../../src/controller/scheduler.ts";
import { Store } from "../../src/store/store.ts";
import { nodeOf, type PodWishes, podOf } from "../unit/scheduler/fixture.ts";

const pods = Number(process.env["PODS"] ?? 5000);
const nodes = Number(process.env["NODES"] ?? 50);
const room = { cpu: "64", memory: "256Gi", pods: String(Math.ceil(pods / nodes) + 10) };
const requests = { cpu: "100m", memory: "64Mi" };

const term = {
  topologyKey: "kubernetes.io/hostname",
  labelSelector: { matchLabels: { app: "alone" } },
};
const affinity = {
  podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] },
};

await bench("plain", {});
await bench("with anti-affinity", { affinity });

async function bench(name: string, wishes: PodWishes): Promise<void> {
  console.log(`${pods} pods, ${nodes} nodes, ${name}`);
  await run("bind", { ...wishes, requests }, "Scheduled");
  await run("refuse", { ...wishes, requests: { cpu: "63500m" } }, "FailedScheduling");
}

async function run(what: string, wishes: PodWishes, reason: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "nspod-bench-"));
  const store = Store.open(join(folder, "nspod.db"));
  for (let index = 0; index < nodes; index++) {
    store.create(nodeOf(`n${index}`, { allocatable: room }).node, { durable: false });
    // It leaves too little for the large ones, until it ends.
    const nodeName = `n${index}`;
    const holder = podOf(`holder-${index}`, { nodeName, requests: { cpu: "1" } });
    store.create(holder, { durable: false });
  }
  for (let index = 0; index < pods; index++) {
    store.create(podOf(`p${index}`, wishes), { durable: false });
  }
  using state = new ClusterState(store);
  let told = 0;
  using scheduler = new Scheduler({
    store,
    state,
    clock: systemClock,
    log: createLogger("silent"),
    report: (_, event) => {
      if (event.reason === reason) told++;
    },
    claims: {
      volumeOf: () => {
        throw new Error("These pods have no claims");
      },
    },
  });
  await timed(what, () => {
    scheduler.start();
    return () => told >= pods;
  });
  if (reason === "FailedScheduling") {
    await timed("one ends", () => {
      store.delete("Pod", "default", "holder-0");
      // One has its place then, and with it the last of them was looked at.
      return () => state.unbound().length < pods;
    });
  }
  store.close();
  rmSync(folder, { recursive: true });
}

/** Begins something, and lets the event loop turn until it is done. */
async function timed(what: string, begin: () => () => boolean): Promise<void> {
  const startMs = performance.now();
  const before = process.cpuUsage();
  const isDone = begin();
  let turnMs = 0;
  for (let lastMs = startMs; !isDone(); ) {
    await new Promise((resolve) => setImmediate(resolve));
    const nowMs = performance.now();
    turnMs = Math.max(turnMs, nowMs - lastMs);
    lastMs = nowMs;
  }
  const tookMs = performance.now() - startMs;
  const { user, system } = process.cpuUsage(before);
  const [took, cpu, turn] = [tookMs, (user + system) / 1000, turnMs].map(
    (ms) => `${ms.toFixed(0)} ms`,
  );
  console.log(`  ${what.padEnd(10)} ${took}, ${cpu} of CPU, longest turn ${turn}`);
}
