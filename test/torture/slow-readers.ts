// Clients that follow a log and read nothing of it (security: C-11).
import { podsPath } from "../../src/cli/context.ts";
import type { ArmedPods } from "../support/armed-daemon.ts";
import { shell } from "../support/pods.ts";
import { residentKiB } from "../support/processes.ts";
import { type Figures, share } from "./figures.ts";

const readers = share(100);
const lines = share(2_000_000);

export async function slowReaders(figures: Figures, armed: ArmedPods): Promise<void> {
  const { pods } = armed;
  const write = `awk 'BEGIN { for (i = 0; i < ${lines}; i++) printf "%099d\\n", i; fflush() }'`;
  const when = (turn: string): string =>
    `until [ -e /${turn} ]; do usleep 10000; done; ${write}; echo ${turn}`;
  const script = `${when("alone")}; ${when("followed")}; sleep infinity`;
  await pods.up("writer", { containers: [shell("main", script)] });
  const go = async (turn: string): Promise<number> => {
    const begin = performance.now();
    await pods.ask("writer", `touch /${turn}`);
    await pods.untilLogged("writer", "main", turn, 300_000);
    return performance.now() - begin;
  };
  const aloneMs = await go("alone");
  const before = residentKiB(armed.daemon.pid);
  const streams = await Promise.all(
    Array.from({ length: readers }, () =>
      pods.client.stream("GET", podsPath("default", "writer", "log"), { query: { follow: true } }),
    ),
  );
  for (const stream of streams) stream.pause();
  const followedMs = await go("followed");
  const grown = Math.round((residentKiB(armed.daemon.pid) - before) / 1024);
  figures.add(
    "C-11",
    `memory of the daemon with ${readers} readers that stand still`,
    "+150 MiB",
    `+${grown} MiB`,
    grown < 150,
  );
  const times = `${Math.round(followedMs)} ms, ${Math.round(aloneMs)} ms alone`;
  figures.add(
    "C-11",
    `${lines} lines are written meanwhile`,
    "as alone",
    times,
    followedMs < 2 * aloneMs + 1000,
  );
  for (const stream of streams) stream.destroy();
}
