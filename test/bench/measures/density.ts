// Many pods on one machine: whether the thousandth starts as quickly as the first, and what the daemon needs for each.

import { type Bench, type Measure, Notes, withNspod } from "../measure.ts";
import { inParallel, untilQuiet } from "../nspod.ts";
import { sumOf } from "../process-memory.ts";
import { reasonOf } from "../rounds.ts";
import type { RowId } from "../rows.ts";
import { slope } from "../statistics.ts";

const levels: readonly (readonly [RowId, number])[] = [
  ["start-at-1", 0],
  ["start-at-100", 99],
  ["start-at-500", 499],
  ["start-at-1000", 999],
];
const atOnce = 4;

export const density: Measure = { name: "density", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  const rounds = bench.rounds(9);
  await withNspod(bench, async (nspod) => {
    const memory: (readonly [number, number])[] = [];
    let count = 0;
    try {
      for (const [row, others] of levels) {
        const names = Array.from({ length: others - count }, (_, at) => `idle-${count + at}`);
        await inParallel(names, atOnce, async (name) => {
          await nspod.createRunning(name);
        });
        count = Math.max(count, others);
        const values: number[] = [];
        for (let round = 0; round < rounds + 2; round++) {
          await untilQuiet();
          await nspod.createRunning("probe");
          const { ms } = await nspod.startOf("probe");
          await nspod.delete("probe");
          if (round >= 2) values.push(ms);
        }
        notes.add(row, "nspod", values);
        memory.push([count, sumOf(nspod.daemons())]);
      }
    } catch (error) {
      notes.miss({ who: "nspod", reason: `after ${count} pods: ${reasonOf(error)}` });
    }
    for (const [pods, kib] of memory) {
      notes.remarks.push(`daemon with ${pods} pods: ${(kib / 1024).toFixed(1)} MiB`);
    }
    if (memory.length > 1) notes.remarks.push(`${slope(memory).toFixed(1)} KiB more for each pod`);
    await nspod.deleteAll();
  });
  return notes;
}
