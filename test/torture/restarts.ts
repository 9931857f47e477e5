// The daemon is killed and started again and again: its pods stay what they are, no address is lost, and neither it nor
// the shims, which live through all of it, take more and more (security: C-02).
import type { Pod } from "../../src/spec/pod.ts";
import type { ArmedPods } from "../support/armed-daemon.ts";
import { eventually } from "../support/eventually.ts";
import { sleeper, statusOf } from "../support/pods.ts";
import { openFiles, pidsWith, residentKiB } from "../support/processes.ts";
import { sockets } from "./adoption.ts";
import { type Figures, share } from "./figures.ts";

const podCount = 10;
const restartCount = Math.max(20, share(1000));
/** So many restarts for each pod that comes and goes: a /24 has fewer addresses than come in a long run. */
const restartsForOne = 3;

/** What a process takes. */
interface Size {
  readonly files: number;
  readonly kiB: number;
}

export async function restarts(figures: Figures, armed: ArmedPods): Promise<void> {
  const { pods } = armed;
  const names = Array.from({ length: podCount }, (_, index) => `pod-${index}`);
  await Promise.all(names.map((name) => pods.up(name, { containers: [sleeper("main")] })));
  const before = identitiesOf(await pods.list());
  const shims = pidsWith("nspod-shim", pods.instance.run);
  const changed: unknown[] = [];
  const daemonSizes: Size[] = [];
  const shimSizes: Size[] = [];
  let others = 0;
  for (let number = 1; number <= restartCount; number++) {
    const daemon = await armed.next();
    await eventually("all shims to be talked to", 30_000, () =>
      sockets(pods.instance) >= podCount ? true : undefined,
    );
    const now = identitiesOf(await pods.list());
    changed.push(...before.filter((row) => !now.includes(row)));
    daemonSizes.push(sizeOf([daemon.pid]));
    shimSizes.push(sizeOf(shims));
    if (number % restartsForOne > 0) continue;
    await pods.up("other", { containers: [sleeper("main")] });
    await pods.delete("other");
    others += 1;
  }
  const done = daemonSizes.length;
  figures.add("C-02", `restarts with ${podCount} pods`, String(restartCount), done, done > 0);
  figures.none("C-02", "pods whose uid, address, container or restarts changed", changed);
  figures.add("C-02", "pods that came and went meanwhile", "some", others, others > 0);
  compare(figures, "the daemon", daemonSizes);
  compare(figures, `${podCount} shims`, shimSizes);
}

/** What must not change, a row of words for each. */
function identitiesOf(pods: readonly Pod[]): readonly string[] {
  return pods.map((pod) => {
    const { containerID, restartCount: restarted, ready } = statusOf(pod, "main");
    const { name, uid } = pod.metadata;
    return [name, uid, pod.status?.podIP, containerID, restarted, ready].join(" ");
  });
}

function sizeOf(pids: readonly number[]): Size {
  const sum = (values: readonly number[]): number => values.reduce((all, each) => all + each, 0);
  return { files: sum(pids.map(openFiles)), kiB: sum(pids.map(residentKiB)) };
}

/** The first tenth of the restarts beside the last one. */
function compare(figures: Figures, whose: string, sizes: readonly Size[]): void {
  const tenth = Math.ceil(sizes.length / 10);
  const [first, last] = [sizes.slice(0, tenth), sizes.slice(-tenth)];
  const median = (of: readonly Size[], what: keyof Size): number =>
    of.map((size) => size[what]).sort((a, b) => a - b)[Math.floor(of.length / 2)] ?? 0;
  const files = [median(first, "files"), median(last, "files")] as const;
  const kiB = [median(first, "kiB"), median(last, "kiB")] as const;
  const filesText = `${files[0]}, then ${files[1]}`;
  // A connection of this test, and what is just being looked at.
  figures.add(
    "C-02",
    `descriptors of ${whose}`,
    "as at first",
    filesText,
    files[1] <= files[0] + 4,
  );
  const kiBText = `${kiB[0]} KiB, then ${kiB[1]} KiB`;
  figures.add("C-02", `memory of ${whose}`, "+10 %", kiBText, kiB[1] <= kiB[0] * 1.1);
}
