/** `nspod stats`: a live table of what running containers use, until Ctrl-C. */
import type { Context } from "../context.ts";
import { podName } from "../object-arguments.ts";
import { pause } from "../pause.ts";
import { formatTable } from "../table.ts";
import { statsRows } from "../usage-rows.ts";
import { readUsage } from "./top.ts";

export interface StatsOptions {
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  /** False with --no-stream. */
  readonly stream: boolean;
}

const periodMs = 1000;

/** @throws PodError NotFound for a name that no running pod has (any more). */
export async function showStats(
  context: Context,
  words: readonly string[],
  options: StatsOptions,
): Promise<number> {
  const { screen } = context;
  const names = words.map(podName);
  for (;;) {
    const table = formatTable(statsRows(await readUsage(context, names, options)));
    if (!options.stream || !screen.isTerminal) {
      screen.print(table);
    } else {
      // From the upper left corner, each line cleared to its end, and all below the last.
      screen.write("\x1b[H");
      for (const line of table.split("\n")) {
        screen.write("\x1b[2K");
        screen.print(line.slice(0, screen.columns));
      }
      screen.write("\x1b[J");
    }
    if (!options.stream) return 0;
    await pause(periodMs);
  }
}
