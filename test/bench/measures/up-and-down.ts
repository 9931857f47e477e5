// Pods as somebody in a shell makes and removes them: whole commands, beside an empty Node.
import { type Bench, type Measure, Notes, withNspod, withPeers } from "../measure.ts";
import { type Nspod, untilQuiet } from "../nspod.ts";
import type { OpenPeer } from "../peers/peer.ts";
import { type Contestant, takeTurns } from "../rounds.ts";

interface Turn {
  readonly up: number;
  readonly down?: number;
}

export const upAndDown: Measure = { name: "up", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  await withPeers(bench, ["podman", "crun", "containerd", "docker"], notes, async (peers) => {
    await withNspod(bench, async (nspod) => {
      const contestants: Contestant<Turn>[] = [
        {
          who: "node",
          turn: async () => ({ up: await nspod.room.time([process.execPath, "-e", "0"]) }),
        },
        { who: "nspod", turn: async (round) => await nspodTurn(nspod, `pod-${round}`) },
      ];
      for (const [who, peer] of peers) {
        contestants.push({ who, turn: async (round) => await peerTurn(peer, `pod-${round}`) });
      }
      const turns = await takeTurns(contestants, { rounds: bench.rounds(9), warmRounds: 2 });
      notes.addTurns("up", turns, ({ up }) => up);
      notes.addTurns("down", turns, ({ down }) => down);
    });
  });
  return notes;
}

async function nspodTurn(nspod: Nspod, name: string): Promise<Turn> {
  await untilQuiet();
  const input = JSON.stringify(nspod.pod(name));
  const up = await nspod.room.time(nspod.command("run", "-d", "--wait", "running", "-"), { input });
  await untilQuiet();
  return { up, down: await nspod.room.time(nspod.command("delete", "pod", name)) };
}

async function peerTurn(peer: OpenPeer, name: string): Promise<Turn> {
  await untilQuiet();
  const up = await peer.room.timeAll(peer.up?.(name) ?? []);
  await untilQuiet();
  return { up, down: await peer.room.timeAll(peer.down?.(name) ?? []) };
}
