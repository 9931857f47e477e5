// The program `true` in a running container: by command lines, and by the daemon's socket beside bare crun, which
// has neither a Node to start nor a daemon to ask.
import { runRemoteSession } from "../../../src/cli/remote-session.ts";
import { type Bench, type Measure, Notes, withNspod, withPeers } from "../measure.ts";
import type { Nspod } from "../nspod.ts";
import { type Contestant, reasonOf, takeTurns } from "../rounds.ts";

interface Turn {
  readonly command: number;
  readonly socket?: number;
}

const pod = "exec";

export const exec: Measure = { name: "exec", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  await withPeers(bench, ["podman", "crun", "containerd", "docker"], notes, async (peers) => {
    await withNspod(bench, async (nspod) => {
      const contestants: Contestant<Turn>[] = [
        { who: "nspod", turn: async () => await nspodTurn(nspod) },
      ];
      await nspod.createRunning(pod);
      for (const [who, peer] of peers) {
        try {
          await peer.room.timeAll(peer.up?.(pod) ?? []);
        } catch (error) {
          notes.miss({ row: "exec", who, reason: reasonOf(error) });
          continue;
        }
        contestants.push({
          who,
          turn: async () => {
            const command = await peer.room.timeAll(peer.exec?.(pod) ?? []);
            return who === "crun" ? { command, socket: command } : { command };
          },
        });
      }
      const turns = await takeTurns(contestants, { rounds: bench.rounds(15), warmRounds: 2 });
      notes.addTurns("exec", turns, ({ command }) => command);
      notes.addTurns("exec-socket", turns, ({ socket }) => socket);
      await nspod.delete(pod);
    });
  });
  return notes;
}

async function nspodTurn(nspod: Nspod): Promise<Turn> {
  const command = await nspod.room.time(nspod.command("exec", pod, "--", "true"));
  const begin = performance.now();
  const nowhere = { write: () => true, once: () => undefined };
  const code = await runRemoteSession(
    nspod.client,
    `/api/v1/namespaces/default/pods/${pod}/exec`,
    { container: "c", command: ["true"], stdout: true, stderr: true },
    { stdout: nowhere, stderr: nowhere },
  );
  const socket = performance.now() - begin;
  if (code !== 0) throw new Error(`exec ended with ${code}`);
  return { command, socket };
}
