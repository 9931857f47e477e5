// Shims are killed: their pods start again, with nothing of the first attempt left (security: C-03).
import type { ArmedPods } from "../support/armed-daemon.ts";
import { sleeper, statusOf } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { type Figures, share } from "./figures.ts";

const deaths = share(100);
const atOnce = 20;
const containers = ["a", "b", "c"];

export async function shimDeaths(figures: Figures, { pods }: ArmedPods): Promise<void> {
  const wrong: unknown[] = [];
  let slowest = 0;
  let done = 0;
  while (done < deaths) {
    const names = Array.from(
      { length: Math.min(atOnce, deaths - done) },
      (_, n) => `pod-${done + n}`,
    );
    const spec = {
      restartPolicy: "Always",
      containers: containers.map((name) => sleeper(name)),
    } as const;
    await Promise.all(names.map((name) => pods.up(name, spec)));
    const begin = performance.now();
    for (const pid of pidsWith("nspod-shim", pods.instance.run)) process.kill(pid, "SIGKILL");
    for (const name of names) {
      const pod = await pods.until(
        name,
        "its containers to run again",
        (each) =>
          containers.every((c) => statusOf(each, c).ready && statusOf(each, c).restartCount > 0),
        60_000,
      );
      slowest = Math.max(slowest, performance.now() - begin);
      for (const container of containers) {
        const { restartCount, lastState } = statusOf(pod, container);
        const { reason, exitCode } = lastState?.terminated ?? {};
        if (restartCount === 1 && reason === "ShimLost" && exitCode === 137) continue;
        wrong.push({ name, container, restartCount, reason, exitCode });
      }
    }
    await pods.delete(...names);
    done += names.length;
  }
  figures.add("C-03", "shims killed, each of 3 containers", String(deaths), done, done >= deaths);
  figures.none("C-03", "containers not restarted once as ShimLost, 137", wrong);
  const seconds = `${(slowest / 1000).toFixed(1)} s`;
  figures.add(
    "C-03",
    `the slowest of ${atOnce} pods at once runs again`,
    "10 s",
    seconds,
    slowest <= 10_000,
  );
}
