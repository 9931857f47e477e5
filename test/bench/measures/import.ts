// How long an image archive takes until its layers lie unpacked, and how much memory that needs. The floors are igzip and
// tar, two layers at a time, and for layers that are not packed GNU tar, one after another, into plain folders: they read
// no archive, check no digest and keep no record.
import { existsSync, mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestImage } from "../images.ts";
import { type Bench, type Measure, Notes, withNspod, withPeers } from "../measure.ts";
import type { Nspod } from "../nspod.ts";
import { findProgram, type OpenPeer, type PeerName } from "../peers/peer.ts";
import { newCorner } from "../place.ts";
import { sumKib, sumOf } from "../process-memory.ts";
import { Room } from "../room.ts";
import { type Contestant, reasonOf, takeTurns } from "../rounds.ts";

const others: readonly PeerName[] = ["podman", "skopeo", "containerd", "docker"];
const deadlineMs = 120_000;

export const importMeasure: Measure = { name: "import", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  const big = await bench.place.big();
  const { name, folder } = newCorner(bench.place, "unpack");
  const unpackRoom = await Room.open({ name, folder, stopwatch: bench.place.stopwatch });
  try {
    await withPeers(bench, others, notes, async (peers) => {
      await withNspod(bench, async (nspod) => {
        for (const [row, image, rounds] of [
          ["import-small", bench.place.small, bench.rounds(7)],
          ["import-big", big, bench.rounds(3)],
        ] as const) {
          const contestants: Contestant<number>[] = [
            { who: "nspod", turn: async () => await nspodTurn(nspod, image, image.ociArchive) },
          ];
          if (findProgram("igzip", bench.place.path) !== undefined) {
            contestants.push({
              who: "igzip + tar",
              turn: async () => await unpackTurn(unpackRoom, twoAtATime, image.layers),
            });
          }
          for (const [who, peer] of peers) {
            contestants.push({ who, turn: async () => await peerTurn(peer, image) });
          }
          notes.addTurns(row, await takeTurns(contestants, { rounds, warmRounds: 1 }), (ms) => ms);
        }
        if (existsSync(big.dockerArchive)) {
          const contestants: Contestant<number>[] = [
            { who: "nspod", turn: async () => await nspodTurn(nspod, big, big.dockerArchive) },
            {
              who: "GNU tar",
              turn: async () => await unpackTurn(unpackRoom, oneByOne, big.plainLayers),
            },
          ];
          const rounds = bench.rounds(5);
          const turns = await takeTurns(contestants, { rounds, warmRounds: 1 });
          notes.addTurns("import-plain", turns, (ms) => ms);
        } else {
          const reason = "no skopeo, which makes its archive";
          notes.miss({ row: "import-plain", who: "nspod", reason });
        }
        notes.add("import-memory", "nspod", [await nspodPeak(nspod, big)]);
        for (const [who, peer] of peers) {
          try {
            notes.add("import-memory", who, [await peerPeak(peer, big)]);
          } catch (error) {
            notes.miss({ row: "import-memory", who, reason: reasonOf(error) });
          }
        }
      });
    });
  } finally {
    await unpackRoom.close();
  }
  return notes;
}

async function nspodTurn(nspod: Nspod, image: TestImage, archive: string): Promise<number> {
  await nspod.removeImage(image.name);
  const command = nspod.command("image", "load", archive);
  return await nspod.room.time(command, { deadlineMs });
}

async function peerTurn({ room, load, unload }: OpenPeer, image: TestImage): Promise<number> {
  // The first time there is nothing to remove.
  await room.timeAll(unload?.(image) ?? []).catch(() => undefined);
  return await room.timeAll(load?.(image) ?? [], deadlineMs);
}

/** Of a shell: the target, and after it the layers. */
const twoAtATime =
  'cd "$0"; i=0; for l; do echo "$i $l"; i=$((i+1)); done | ' +
  'xargs -P 2 -L 1 sh -c \'igzip -dc "$1" | tar -xf - -C "$0"\'';
const oneByOne = 'cd "$0"; i=0; for l; do tar -xf "$l" -C $i; i=$((i+1)); done';

async function unpackTurn(room: Room, script: string, layers: readonly string[]): Promise<number> {
  const target = join(room.folder, "unpacked");
  await rm(target, { recursive: true, force: true });
  for (const index of layers.keys()) mkdirSync(join(target, String(index)), { recursive: true });
  const ms = await room.time(["sh", "-c", script, target, ...layers], { deadlineMs });
  await rm(target, { recursive: true });
  return ms;
}

/** The most that command, daemon and its helpers had at one time, MiB: one more import, because looking costs time. */
async function nspodPeak(nspod: Nspod, image: TestImage): Promise<number> {
  await nspod.removeImage(image.name);
  return await peakDuring(
    nspod.room.time(nspod.command("image", "load", image.ociArchive), { deadlineMs }),
    () => sumOf(nspod.daemons()) + sumKib(nspod.room.memory()),
  );
}

async function peerPeak({ room, load, unload }: OpenPeer, image: TestImage): Promise<number> {
  await room.timeAll(unload?.(image) ?? []).catch(() => undefined);
  return await peakDuring(room.timeAll(load?.(image) ?? [], deadlineMs), () =>
    sumKib(room.memory()),
  );
}

async function peakDuring(work: Promise<unknown>, lookKib: () => number): Promise<number> {
  let isRunning = true;
  const ended = work.finally(() => {
    isRunning = false;
  });
  let peak = 0;
  while (isRunning) {
    peak = Math.max(peak, lookKib());
    await sleep(20);
  }
  await ended;
  return peak / 1024;
}
