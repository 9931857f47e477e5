// Commands in containers that end and come again while process ids are few: each gets where it was sent or nowhere, and no
// signal reaches anybody else (security: ESC-07, C-29). Of the whole machine, so only in a guest.
import type { ArmedPods } from "../support/armed-daemon.ts";
import { execWhilePidsComeAgain } from "../support/reused-pids.ts";
import { type Figures, share } from "./figures.ts";

const commands = share(500);

export async function reusedPids(figures: Figures, { pods }: ArmedPods): Promise<void> {
  const { asked, answered, wrong, signals, turns } = await execWhilePidsComeAgain(pods, commands);
  const measured = `${asked}, ${answered} answered, ids ${Math.floor(turns)} times`;
  const isMet = asked >= commands && answered > 0 && turns > 2;
  figures.add("ESC-07", "commands while process ids come again", `${commands}`, measured, isMet);
  figures.none("ESC-07", "commands that were elsewhere, or failed without a reason", wrong);
  const [own, ...others] = signals;
  // SIGCONT, which shows that signals are seen.
  const isOwn = own?.startsWith("18 ") === true;
  figures.add("C-29", "signals that were traced", "our own", own ?? "none", isOwn);
  figures.none("C-29", "signals to a process that nobody meant", others);
}
