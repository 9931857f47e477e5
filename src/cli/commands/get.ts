/** `nspod get`: lists objects of every kind, and watches with -w. */
import { isPodError, PodError } from "../../base/errors.ts";
import type { KubernetesObject, Resource } from "../../spec/resources.ts";
import type { Context } from "../context.ts";
import { LiveTable } from "../live-table.ts";
import { parseObjects, type Wanted } from "../object-arguments.ts";
import { ObjectTable, type TableOptions } from "../object-table.ts";
import { getObject, listObjects, type Selection } from "../objects.ts";
import { isObjectForm, type OutputFormat, printObjects } from "../output-format.ts";
import { sortByField, sortObjects } from "../sort-objects.ts";
import { watchTable } from "../watch-table.ts";

export interface GetOptions {
  readonly output?: OutputFormat;
  readonly watch?: boolean;
  readonly watchOnly?: boolean;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly sortBy?: string;
  readonly showLabels?: boolean;
  readonly headers?: boolean;
  readonly ignoreNotFound?: boolean;
}

/** Objects of one resource that were asked for together. */
interface Group {
  readonly resource: Resource;
  /** Empty: all of them. */
  readonly names: readonly string[];
}

/** What was read of a group. */
interface Found extends Group {
  readonly objects: readonly KubernetesObject[];
  /** Where a watch goes on. */
  readonly resourceVersion: string | undefined;
}

/** @param words - `pods`, `pods,cm`, `pods NAME…`, `pod/NAME…`, `all`. */
export async function getObjects(
  context: Context,
  words: readonly string[],
  options: GetOptions,
): Promise<number> {
  const wanted = parseObjects(words);
  const groups = grouped(wanted);
  checkOptions(groups, options);
  const missing: PodError[] = [];
  const found: Found[] = [];
  for (const group of groups) found.push(await read(context, group, options, missing));
  const isSingle = wanted.length === 1 && wanted[0]?.name !== undefined;
  const live = liveTable(context, found, options);
  const table =
    live || options.watchOnly
      ? newTable(found, found[0], options)
      : await show(context, found, isSingle, options);
  for (const error of missing) context.screen.remark(`nspod: ${error.message}`);
  if (missing.length > 0) return 1;
  const [first] = found;
  if ((options.watch || options.watchOnly) && first !== undefined) {
    await watchTable(context, {
      selection: selectionOf(context, first, options),
      names: first.names,
      from: first.resourceVersion,
      table,
      live,
      output: options.output,
    });
  }
  return 0;
}

/** A watch on a terminal has one table, which is drawn again. */
function liveTable(
  { screen }: Context,
  found: readonly Found[],
  options: GetOptions,
): LiveTable | undefined {
  if (!options.watch || !screen.isTerminal || isObjectForm(options.output)) return undefined;
  const live = new LiveTable(screen, () => newTable(found, found[0], options));
  live.start(found[0]?.objects ?? []);
  return live;
}

function grouped(wanted: readonly Wanted[]): readonly Group[] {
  const groups = new Map<Resource, string[]>();
  for (const { resource, name } of wanted) {
    const names = groups.get(resource) ?? [];
    groups.set(resource, name === undefined ? names : [...names, name]);
  }
  return [...groups].map(([resource, names]) => ({ resource, names }));
}

function checkOptions(groups: readonly Group[], options: GetOptions): void {
  const hasNames = groups.some(({ names }) => names.length > 0);
  const { allNamespaces, selector, fieldSelector, watch, watchOnly } = options;
  if (hasNames && (allNamespaces || selector !== undefined || fieldSelector !== undefined)) {
    throw new PodError(
      "InvalidArgument",
      "Names cannot be combined with -A, -l or --field-selector",
    );
  }
  if ((watch || watchOnly) && groups.length > 1) {
    throw new PodError("InvalidArgument", "-w watches a single resource type: name one");
  }
}

function selectionOf(
  { namespace }: Context,
  { resource, names }: Group,
  { allNamespaces, selector, fieldSelector }: GetOptions,
): Selection {
  const [name, ...others] = names;
  const isOne = name !== undefined && others.length === 0;
  return {
    resource,
    namespace: resource.isNamespaced && !allNamespaces ? namespace : "",
    labelSelector: selector,
    fieldSelector: isOne ? `metadata.name=${name}` : fieldSelector,
  };
}

async function read(
  context: Context,
  group: Group,
  options: GetOptions,
  missing: PodError[],
): Promise<Found> {
  const { resource, names } = group;
  const selection = selectionOf(context, group, options);
  if (names.length === 0) {
    const list = await listObjects<KubernetesObject>(context.client, selection);
    const { resourceVersion } = list.metadata;
    const objects =
      options.sortBy === undefined
        ? sortObjects(list.items)
        : sortByField(list.items, options.sortBy);
    return { ...group, objects, resourceVersion };
  }
  const objects: KubernetesObject[] = [];
  for (const name of names) {
    try {
      const { namespace } = selection;
      objects.push(await getObject(context.client, { resource, namespace, name }));
    } catch (error) {
      if (!isPodError(error, "NotFound")) throw error;
      if (options.ignoreNotFound !== true) missing.push(error);
    }
  }
  const sorted = options.sortBy === undefined ? objects : sortByField(objects, options.sortBy);
  return { ...group, objects: sorted, resourceVersion: newestRevision(objects) };
}

/** Revisions are numbers that the store counts up. */
function newestRevision(objects: readonly KubernetesObject[]): string | undefined {
  const revisions = objects.map(({ metadata }) => Number(metadata.resourceVersion ?? 0));
  return revisions.length === 0 ? undefined : String(Math.max(...revisions));
}

/** @returns the table of the last resource, that a watch continues. */
async function show(
  context: Context,
  found: readonly Found[],
  isSingle: boolean,
  options: GetOptions,
): Promise<ObjectTable> {
  const { screen } = context;
  const { output } = options;
  let table = newTable(found, found[0], options);
  if (isObjectForm(output)) {
    const objects = found.flatMap((each) => each.objects);
    // A watch prints one object after the other, as kubectl does.
    if (options.watch)
      for (const object of objects) await printObjects(screen, [object], output, true);
    else if (objects.length > 0 || !isSingle) await printObjects(screen, objects, output, isSingle);
    return table;
  }
  const filled = found.filter(({ objects }) => objects.length > 0);
  for (const [index, each] of filled.entries()) {
    table = newTable(found, each, options);
    if (index > 0) screen.print("");
    for (const line of table.lines(each.objects, Date.now())) screen.print(line);
  }
  const hasNames = found.some(({ names }) => names.length > 0);
  if (filled.length === 0 && !hasNames && !options.watch)
    screen.remark(nothing(context, found, options));
  return table;
}

function newTable(
  found: readonly Found[],
  each: Found | undefined,
  { output, allNamespaces, showLabels, headers }: GetOptions,
): ObjectTable {
  const resource = each?.resource;
  if (resource === undefined) throw new PodError("InvalidArgument", "Nothing was asked for");
  const options: TableOptions = {
    isWide: output?.format === "wide",
    withNamespace: allNamespaces === true && resource.isNamespaced,
    withLabels: showLabels === true,
    withKind: found.length > 1,
    hasHeading: headers !== false,
    columns: output?.format === "custom-columns" ? output.columns : undefined,
  };
  return new ObjectTable(resource, options);
}

function nothing(
  { namespace }: Context,
  found: readonly Found[],
  { allNamespaces }: GetOptions,
): string {
  const isScoped = found.every(({ resource }) => resource.isNamespaced) && !allNamespaces;
  return isScoped ? `No resources found in ${namespace} namespace.` : "No resources found";
}
