// How many pods per second come up, one by one and several at a time, with their network. nspod by its socket, the
// others by their commands: that is the door that a program has.

import { KernelFloor } from "../kernel-floor.ts";
import { type Bench, type Measure, Notes, withNspod, withPeers } from "../measure.ts";
import { inParallel, type Nspod, untilQuiet } from "../nspod.ts";
import { reasonOf } from "../rounds.ts";

const pods = 50;
const atOnce = 4;
/** The slower ones need 250 ms for each. */
const podsOfPeers = 12;

export const rate: Measure = { name: "rate", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  const rounds = bench.rounds(3);
  const floor = await KernelFloor.open(bench.place);
  try {
    await withNspod(bench, async (nspod) => {
      // Beside each other and not in one list: a floor pod is gone when it counts, one of nspod stays.
      const found = new Map<string, number[]>();
      for (let round = 0; round < rounds; round++) {
        for (const [row, workers] of [
          ["rate-1", 1],
          ["rate-4", atOnce],
        ] as const) {
          const own = await nspodRate(nspod, workers);
          const kernel = (await floor.run(Math.ceil(pods / workers), workers)).podsPerSecond;
          for (const [who, value] of [
            ["nspod", own],
            ["kernel", kernel],
          ] as const) {
            const key = `${row} ${who}`;
            found.set(key, [...(found.get(key) ?? []), value]);
          }
        }
      }
      for (const row of ["rate-1", "rate-4"] as const) {
        for (const who of ["nspod", "kernel"])
          notes.add(row, who, found.get(`${row} ${who}`) ?? []);
      }
    });
  } finally {
    await floor.close();
  }
  // Rooms of their own for both rows: what runs in them goes with them, quicker than by any command of theirs.
  for (const [row, workers] of [
    ["rate-1", 1],
    ["rate-4", atOnce],
  ] as const) {
    await withPeers(bench, ["podman", "crun", "containerd", "docker"], notes, async (peers) => {
      for (const [who, peer] of peers) {
        try {
          const up = async (number: number | "warm"): Promise<void> => {
            await peer.room.timeAll(peer.up?.(`pod-${number}`) ?? []);
          };
          await up("warm");
          notes.add(row, who, [await podsPerSecond(podsOfPeers, workers, up)]);
        } catch (error) {
          notes.miss({ row, who, reason: reasonOf(error) });
        }
      }
    });
  }
  return notes;
}

async function nspodRate(nspod: Nspod, workers: number): Promise<number> {
  await untilQuiet();
  const value = await podsPerSecond(pods, workers, async (number) => {
    await nspod.createRunning(`rate-${number}`);
  });
  await nspod.deleteAll();
  return value;
}

async function podsPerSecond(
  count: number,
  workers: number,
  up: (number: number) => Promise<void>,
): Promise<number> {
  const begin = performance.now();
  await inParallel([...Array(count).keys()], workers, up);
  return (count * 1000) / (performance.now() - begin);
}
