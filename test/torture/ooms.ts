// Containers that take more memory than they may, beside others that end with the same code: each has its own reason, also
// when the daemon dies between the end and the look at it (security: C-08). Needs the memory controller of cgroup v2.
import type { ArmedPods } from "../support/armed-daemon.ts";
import { endHogs, type WrongEnd } from "../support/memory-hogs.ts";
import { type Figures, share } from "./figures.ts";

const hogs = share(100);
const atOnce = 10;

export async function ooms(figures: Figures, armed: ArmedPods): Promise<void> {
  const { pods } = armed;
  const wrong: WrongEnd[] = [];
  let done = 0;
  for (let round = 0; done < hogs; round++) {
    const count = Math.min(atOnce, hogs - done);
    wrong.push(...(await endHogs(pods, `round-${round}`, count, async () => await armed.next())));
    done += count;
  }
  figures.add("C-08", "containers out of memory", String(hogs), done, done >= hogs);
  figures.none("C-08", "wrong reasons or codes, of them and of those beside them", wrong);
}
