/** `get -w`: a line for each change, or on a terminal the table as it is, until the command is stopped. */
import { isPodError } from "../base/errors.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { isLostConnection } from "./api-client.ts";
import type { Context } from "./context.ts";
import type { LiveTable } from "./live-table.ts";
import type { ObjectTable } from "./object-table.ts";
import { type Selection, watchObjects } from "./objects.ts";
import { isObjectForm, type OutputFormat, printObjects } from "./output-format.ts";
import { pause } from "./pause.ts";

export interface WatchOptions {
  readonly selection: Selection;
  /** Only these, when there are any. */
  readonly names: readonly string[];
  /** What changed before this revision was shown already. */
  readonly from: string | undefined;
  /** Takes a line for each change. */
  readonly table: ObjectTable;
  /** On a terminal: takes the changes in place of `table`. */
  readonly live?: LiveTable | undefined;
  readonly output: OutputFormat | undefined;
}

const retryMs = 500;

/** Runs until the process ends; a daemon that goes away is asked again when it is back. */
export async function watchTable(context: Context, options: WatchOptions): Promise<void> {
  const { signal } = new AbortController();
  const names = new Set(options.names);
  let from = options.from;
  for (;;) {
    try {
      const start = from === undefined ? { signal } : { from, signal };
      for await (const { type, object } of watchObjects(context.client, options.selection, start)) {
        from = object.metadata.resourceVersion;
        if (type === "BOOKMARK" || (names.size > 0 && !names.has(object.metadata.name))) continue;
        if (options.live) options.live.change(type, object);
        else await showChange(context, object, options);
      }
    } catch (error) {
      const isExpired = isPodError(error) && error.data["reason"] === "Expired";
      if (isExpired) from = undefined;
      else if (!isLostConnection(error)) throw error;
    }
    // The daemon went away or ended the watch: take it up again where it was.
    await pause(retryMs);
  }
}

async function showChange(
  { screen }: Context,
  object: KubernetesObject,
  { table, output }: WatchOptions,
): Promise<void> {
  if (isObjectForm(output)) {
    await printObjects(screen, [object], output, true);
    return;
  }
  for (const line of table.lines([object], Date.now())) screen.print(line);
}
