// The end of a pod whose container obeys SIGTERM at once: from the request until nothing is left. The object goes last,
// so its DELETED event is the end; what the daemon promises with it is looked at afterwards: no supervisor, no cgroup.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { cgroup2MountPoint } from "../../support/requires.ts";
import { KernelFloor } from "../kernel-floor.ts";
import { type Bench, type Measure, Notes, withNspod } from "../measure.ts";
import { type Nspod, untilQuiet } from "../nspod.ts";
import { takeTurns } from "../rounds.ts";

export const down: Measure = { name: "down", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  const floor = await KernelFloor.open(bench.place);
  try {
    await withNspod(bench, async (nspod) => {
      const turns = await takeTurns<readonly number[]>(
        [
          { who: "kernel", turn: async () => (await floor.run(5, 1)).downMs },
          { who: "nspod", turn: async (round) => [await downOnce(nspod, `down-${round}`)] },
        ],
        { rounds: bench.rounds(25), warmRounds: 3 },
      );
      for (const [who, values] of turns.values) notes.add("down-socket", who, values.flat());
      for (const [who, reason] of turns.failures) {
        notes.miss({ row: "down-socket", who, reason });
      }
    });
  } finally {
    await floor.close();
  }
  return notes;
}

async function downOnce(nspod: Nspod, name: string): Promise<number> {
  await untilQuiet();
  const { uid = "" } = (await nspod.createRunning(name)).metadata;
  const left = [
    join(nspod.run, "pods", uid),
    ...["pod", "shims/"].map((prefix) =>
      join(cgroup2MountPoint() ?? "", nspod.cgroup, `${prefix}${uid}`),
    ),
  ];
  await untilQuiet();
  const begin = performance.now();
  await nspod.delete(name);
  while (left.some((path) => existsSync(path))) {
    if (performance.now() - begin > 10_000) throw new Error(`"${left.find(existsSync)}" stayed`);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return performance.now() - begin;
}
