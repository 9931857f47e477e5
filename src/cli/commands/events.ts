/** `nspod events`: what happened, oldest first; of one object with --for, as it happens with -w. */
import { PodError } from "../../base/errors.ts";
import type { Event } from "../../spec/event.ts";
import type { KubernetesObject } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { parseObjects, parseResource } from "../object-arguments.ts";
import { ObjectTable } from "../object-table.ts";
import { listObjects, type Selection } from "../objects.ts";
import { isObjectForm, type OutputFormat, printObjects } from "../output-format.ts";
import { sortObjects } from "../sort-objects.ts";
import { watchTable } from "../watch-table.ts";

export interface EventsOptions {
  readonly for?: string;
  readonly types?: string;
  readonly watch?: boolean;
  readonly allNamespaces?: boolean;
  readonly headers?: boolean;
  readonly output?: OutputFormat;
}

export async function showEvents(context: Context, options: EventsOptions): Promise<number> {
  const { client, screen, namespace } = context;
  const { allNamespaces = false, output, watch } = options;
  const resource = parseResource("events");
  const selection: Selection = {
    resource,
    namespace: allNamespaces ? "" : namespace,
    fieldSelector: eventFields(options),
  };
  const list = await listObjects<KubernetesObject>(client, selection);
  // The API says that they are events.
  const events = sortObjects(list.items as unknown as readonly Event[]);
  const table = new ObjectTable(resource, {
    isWide: output?.format === "wide",
    withNamespace: allNamespaces,
    withLabels: false,
    withKind: false,
    hasHeading: options.headers !== false,
    columns: output?.format === "custom-columns" ? output.columns : undefined,
  });
  if (isObjectForm(output)) await printObjects(screen, events, output, false);
  else if (events.length > 0) {
    for (const line of table.lines(events, Date.now())) screen.print(line);
  } else if (!watch) {
    screen.remark(`No events found${allNamespaces ? "" : ` in ${namespace} namespace`}.`);
  }
  if (watch) {
    const { resourceVersion: from } = list.metadata;
    await watchTable(context, { selection, names: [], from, table, output });
  }
  return 0;
}

/** @throws PodError InvalidArgument. */
export function eventFields(options: Pick<EventsOptions, "for" | "types">): string | undefined {
  const fields: string[] = [];
  if (options.for !== undefined) {
    const [wanted, ...more] = parseObjects([options.for]);
    if (wanted?.name === undefined || more.length > 0) {
      throw new PodError("InvalidArgument", `--for: must be TYPE/NAME: got "${options.for}"`);
    }
    fields.push(`involvedObject.kind=${wanted.resource.kind}`);
    fields.push(`involvedObject.name=${wanted.name}`);
  }
  if (options.types !== undefined) {
    const types = options.types.split(",").map((word) => word.toLowerCase());
    const known = ["Normal", "Warning"];
    const chosen = known.filter((type) => types.includes(type.toLowerCase()));
    if (chosen.length !== new Set(types).size) {
      throw new PodError(
        "InvalidArgument",
        `--types: must be Normal or Warning: got "${options.types}"`,
      );
    }
    // Both is the same as not asking.
    if (chosen.length === 1) fields.push(`type=${chosen.join()}`);
  }
  return fields.length === 0 ? undefined : fields.join(",");
}
