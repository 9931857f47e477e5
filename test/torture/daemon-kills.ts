// The daemon is killed at random points of starts and deletions, all the time (security: C-01).
import { setTimeout as sleep } from "node:timers/promises";
import { deletePod, waitUntilGone } from "../../src/cli/delete-pod.ts";
import type { ArmedPods } from "../support/armed-daemon.ts";
import { persist } from "../support/persist.ts";
import { shell, sleeper, statusOf } from "../support/pods.ts";
import { type Figures, share } from "./figures.ts";

const count = share(50);
const kills = share(200);
/** Longer than a start or a deletion takes. */
const longestMs = 250;

export async function daemonKills(figures: Figures, armed: ArmedPods): Promise<void> {
  const { pods } = armed;
  let killed = 0;

  /** Kills as often as one of these steps is due to see, while it is under way. */
  async function under(step: number, request: () => Promise<void>): Promise<void> {
    const done = persist(request);
    for (const due = Math.round((kills * step) / (2 * count)); killed < due; killed++) {
      await sleep(Math.random() * longestMs);
      await armed.next();
    }
    await done;
  }

  const script = "i=0; while :; do echo $i; i=$((i+1)); usleep 10000; done";
  const writer = await pods.up("writer", { containers: [shell("main", script)] });
  const codes = [0, 1, 7, 42, 255];
  const ends = codes.map((code) => shell(`code-${code}`, `sleep ${5 + (code % 10)}; exit ${code}`));
  await pods.create("ending", { containers: ends });

  const names = Array.from({ length: count }, (_, index) => `pod-${index}`);
  for (const [index, name] of names.entries()) {
    await under(index + 1, () => pods.create(name, { containers: [sleeper("main")] }));
  }
  const bad: unknown[] = [];
  for (const name of names) {
    const pod = await pods.until(name, "it to run", (each) => statusOf(each, "main").ready, 60_000);
    if (statusOf(pod, "main").restartCount !== 0) bad.push(pod.status);
  }
  figures.none("C-01", `of ${count} pods not started, or started twice`, bad);
  for (const [index, name] of names.entries()) {
    const pod = await pods.get(name);
    await under(count + index + 1, () => deletePod(pods.client, pod, 0));
    await waitUntilGone(pods.client, pod, AbortSignal.timeout(60_000));
  }
  figures.add("C-01", "kill -9 of the daemon", String(kills), killed, killed >= kills);

  const ended = await pods.untilEnded("ending", 60_000);
  const wrong = codes.filter(
    (code) => statusOf(ended, `code-${code}`).state?.terminated?.exitCode !== code,
  );
  figures.none("C-01", `of ${codes.length} exit codes wrong`, wrong);

  const after = await pods.get("writer");
  const isSame = statusOf(after, "main").containerID === statusOf(writer, "main").containerID;
  figures.add(
    "C-01",
    "the container that ran all the time",
    "the same",
    isSame ? "the same" : "another",
    isSame,
  );
  const lines = (await pods.log("writer")).trimEnd().split("\n");
  const lost = lines.filter((line, index) => Number(line) !== index);
  figures.none("C-01", `of ${lines.length} lines of its log lost or doubled`, lost);
}
