// The daemon's own part of a start, on its clock, against what the kernel needs for the same.
import { KernelFloor } from "../kernel-floor.ts";
import { type Bench, type Measure, Notes, withNspod } from "../measure.ts";
import { type Nspod, untilQuiet } from "../nspod.ts";
import { takeTurns } from "../rounds.ts";
import { median } from "../statistics.ts";

const podsOfFloor = 5;

export const startMeasure: Measure = { name: "start", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  const floor = await KernelFloor.open(bench.place);
  const steps = new Map<string, number[]>();
  try {
    await withNspod(bench, async (nspod) => {
      const turns = await takeTurns<readonly number[]>(
        [
          {
            who: "kernel",
            turn: async () => (await floor.run(podsOfFloor, 1)).startMs,
          },
          {
            who: "nspod",
            turn: async (round) => [await startOnce(nspod, `start-${round}`, steps)],
          },
        ],
        { rounds: bench.rounds(25), warmRounds: 5 },
      );
      for (const [who, values] of turns.values) notes.add("start", who, values.flat());
      for (const [who, reason] of turns.failures) notes.miss({ row: "start", who, reason });
    });
  } finally {
    await floor.close();
  }
  for (const [step, values] of steps) {
    notes.remarks.push(`${median(values).toFixed(2).padStart(7)} ms  ${step}`);
  }
  return notes;
}

async function startOnce(
  nspod: Nspod,
  name: string,
  steps: Map<string, number[]>,
): Promise<number> {
  await untilQuiet();
  await nspod.createRunning(name);
  const start = await nspod.startOf(name);
  await nspod.delete(name);
  for (const [index, { step, atMs }] of (start.steps ?? []).entries()) {
    const own = atMs - (start.steps?.[index - 1]?.atMs ?? 0);
    steps.set(step, [...(steps.get(step) ?? []), own]);
  }
  return start.ms;
}
