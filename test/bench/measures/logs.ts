// What a container may write before it has to wait, and what somebody who follows it gets. Lines of 100 bytes; the
// container looks at the clock before and after its pipe has taken them. conmon writes podman's logs in the same format.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "../../support/eventually.ts";
import { type Bench, type Measure, Notes, withNspod, withPeers } from "../measure.ts";
import type { Nspod } from "../nspod.ts";
import type { OpenPeer } from "../peers/peer.ts";
import { type Contestant, takeTurns } from "../rounds.ts";

const megabytes = 256;
const lineBytes = 100;
// Waits for the go, so that whoever follows is there before the first line.
const script =
  "until [ -e /bench/go ]; do sleep 0.01; done; " +
  "cat /proc/uptime >/bench/took; dd if=/bench/lines bs=64k; cat /proc/uptime >>/bench/took";

interface Turn {
  readonly write: number;
  readonly read?: number;
}

export const logs: Measure = { name: "logs", run };

async function run(bench: Bench): Promise<Notes> {
  const notes = new Notes();
  const folder = join(bench.place.folder, "logs");
  mkdirSync(folder);
  const line = `${"the quick brown fox jumps over the lazy dog ".repeat(3).slice(0, lineBytes - 1)}\n`;
  writeFileSync(join(folder, "lines"), line.repeat((megabytes * 1e6) / lineBytes));
  await withPeers(bench, ["podman"], notes, async (peers) => {
    await withNspod(bench, async (nspod) => {
      const contestants: Contestant<Turn>[] = [
        { who: "nspod", turn: async (round) => await nspodTurn(nspod, folder, `log-${round}`) },
      ];
      const podman = peers.get("podman");
      if (podman !== undefined) {
        const image = bench.place.small.name;
        contestants.push({
          who: "conmon",
          turn: async () => await conmonTurn(podman, folder, image),
        });
      }
      const turns = await takeTurns(contestants, { rounds: bench.rounds(5), warmRounds: 1 });
      notes.addTurns("log-write", turns, ({ write }) => write);
      notes.addTurns("log-read", turns, ({ read }) => read);
    });
  });
  rmSync(folder, { recursive: true });
  return notes;
}

/** Once with nobody who listens, once with a follower. */
async function nspodTurn(nspod: Nspod, folder: string, name: string): Promise<Turn> {
  const start = async (pod: string): Promise<void> => {
    rmSync(join(folder, "go"), { force: true });
    await nspod.createRunning(pod, writerPod(nspod, folder, pod));
  };
  const go = (): void => writeFileSync(join(folder, "go"), "");
  await start(name);
  go();
  const write = await writtenPerSecond(folder);
  await nspod.delete(name);
  await start(`${name}-f`);
  // The file is opened before the go: what is measured is following.
  const follow = nspod.room.read([
    "sh",
    "-c",
    '"$@" | wc -c',
    "sh",
    ...nspod.command("logs", "-f", `${name}-f`),
  ]);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const begin = performance.now();
  go();
  const bytes = Number(await follow);
  const read = bytes / 1e3 / (performance.now() - begin);
  rmSync(join(folder, "took"));
  await nspod.delete(`${name}-f`);
  return { write, read };
}

function writerPod(nspod: Nspod, folder: string, name: string): object {
  const container = {
    name: "c",
    image: nspod.image,
    command: ["sh", "-c", script],
    volumeMounts: [{ name: "bench", mountPath: "/bench" }],
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      restartPolicy: "Never",
      containers: [container],
      volumes: [{ name: "bench", hostPath: { path: folder } }],
    },
  };
}

async function conmonTurn({ room }: OpenPeer, folder: string, image: string): Promise<Turn> {
  rmSync(join(folder, "go"), { force: true });
  const mount = `${folder}:/bench`;
  await room.time([
    ...["podman", "run", "-d", "--name", "log", "--network", "none", "-v", mount, image],
    ...["sh", "-c", script],
  ]);
  writeFileSync(join(folder, "go"), "");
  const write = await writtenPerSecond(folder);
  await room.time(["podman", "wait", "log"]);
  await room.time(["podman", "rm", "-f", "-t", "0", "log"]);
  return { write };
}

/** MB/s between the two lines of seconds that the script writes; nobody else works until both are there. */
async function writtenPerSecond(folder: string): Promise<number> {
  const file = join(folder, "took");
  const [from, to] = await eventually("the container to have written", 60_000, () => {
    const lines = readFileSync(file, "utf8").split("\n");
    return lines.length > 2 ? lines.map((line) => Number.parseFloat(line)) : undefined;
  });
  rmSync(file);
  const seconds = (to ?? 0) - (from ?? 0);
  if (!(seconds > 0)) throw new Error(`The container took ${seconds} s`);
  return megabytes / seconds;
}
