// What idle pods cost: memory of their helpers and of daemons (PSS: shared pages count in parts), and CPU time. What
// containers run is no part of it. Numbers of helpers alone say little: a pod's share of a daemon grows, too.

import { setTimeout as sleep } from "node:timers/promises";
import { type Bench, type Measure, Notes, withNspod, withPeers } from "../measure.ts";
import { payloads } from "../peers/peer.ts";
import { cpuMs, sumKib, sumOf } from "../process-memory.ts";
import { reasonOf } from "../rounds.ts";
import { slope } from "../statistics.ts";

const pods = 100;
const podsOfPeers = 10;
/** Between a start and a look: what starts leave to do is done. */
const settleMs = 3000;
const idleMs = 20_000;

export const memory: Measure = { name: "memory", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  await withNspod(bench, async (nspod) => {
    const growth: (readonly [number, number])[] = [];
    for (let count = 1; count <= pods; count++) {
      await nspod.createRunning(`idle-${count}`);
      if (count === 1 || count % 25 === 0) {
        await sleep(settleMs);
        growth.push([count, sumOf(nspod.daemons())]);
      }
    }
    notes.add("memory-pod", "nspod", [sumOf(nspod.shims()) / pods]);
    notes.add("memory-daemon", "nspod", [sumOf(nspod.daemons()) / 1024]);
    notes.add("memory-growth", "nspod", [slope(growth)]);
    for (const [count, kib] of growth) {
      notes.remarks.push(`daemon with ${count} pods: ${(kib / 1024).toFixed(1)} MiB`);
    }
    const all = [...nspod.daemons(), ...nspod.shims()];
    const [before, began] = [cpuMs(all), performance.now()];
    await sleep(idleMs);
    notes.add("idle-cpu", "nspod", [((cpuMs(all) - before) * 100) / (performance.now() - began)]);
    await nspod.deleteAll();
  });
  await withPeers(bench, ["podman", "containerd", "docker"], notes, async (peers) => {
    for (const [who, { room, up, daemons }] of peers) {
      try {
        for (let count = 0; count < podsOfPeers; count++) {
          await room.timeAll(up?.(`pod-${count}`) ?? []);
        }
        await sleep(settleMs);
        const isDaemon = ({ command }: { readonly command: string }): boolean =>
          daemons.includes(command);
        const all = room.memory().filter(({ command }) => !payloads.includes(command));
        notes.add("memory-pod", who, [sumKib(all.filter((each) => !isDaemon(each))) / podsOfPeers]);
        const own = all.filter(isDaemon);
        if (own.length > 0) notes.add("memory-daemon", who, [sumKib(own) / 1024]);
      } catch (error) {
        notes.miss({ row: "memory-pod", who, reason: reasonOf(error) });
      }
    }
  });
  notes.remarks.push(`daemons of others: with ${podsOfPeers} pods`);
  return notes;
}
