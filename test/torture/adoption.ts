// How long a daemon takes to be there again with many pods (security: C-01).
import { readdirSync, readlinkSync } from "node:fs";
import type { ArmedPods } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import type { Instance } from "../support/instance.ts";
import { sleeper, statusOf } from "../support/pods.ts";
import { pidsWith } from "../support/processes.ts";
import { type Figures, share } from "./figures.ts";

const count = share(100);

export async function adoption(figures: Figures, armed: ArmedPods): Promise<void> {
  const { pods } = armed;
  const names = Array.from({ length: count }, (_, index) => `pod-${index}`);
  await Promise.all(names.map((name) => pods.create(name, { containers: [sleeper("main")] })));
  for (const name of names) {
    await pods.until(name, "it to run", (pod) => statusOf(pod, "main").ready, 60_000);
  }
  await armed.daemon.kill();
  const begin = performance.now();
  const next = armed.next();
  let listening = 0;
  next.then(
    () => {
      listening = performance.now() - begin;
    },
    () => undefined,
  );
  await eventually("all shims to be talked to", 60_000, () =>
    sockets(pods.instance) >= count ? true : undefined,
  );
  const adopted = performance.now() - begin;
  await next;
  const ms = (time: number): string => `${(time / 1000).toFixed(2)} s`;
  figures.add(
    "C-01",
    `the API answers, with ${count} pods`,
    "2 s",
    ms(listening),
    listening <= 2000,
  );
  figures.add("C-01", `${count} pods are adopted`, "5 s", ms(adopted), adopted <= 5000);
}

/** Sockets that the daemon of an instance has open: one for each shim, and a few. */
export function sockets({ root }: Instance): number {
  const [pid] = pidsWith("daemon.cjs", root);
  if (pid === undefined) return 0;
  return readdirSync(`/proc/${pid}/fd`).filter((fd) => isSocket(`/proc/${pid}/fd/${fd}`)).length;
}

function isSocket(path: string): boolean {
  try {
    return readlinkSync(path).startsWith("socket:");
  } catch {
    // ENOENT: closed while we looked.
    return false;
  }
}
