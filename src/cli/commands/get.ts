/** `nspod get pods|events`: lists, and watches with -w. */
import { setTimeout as sleep } from "node:timers/promises";
import { isPodError, PodError } from "../../base/errors.ts";
import type { Event } from "../../spec/event.ts";
import type { List } from "../../spec/list.ts";
import type { ObjectMeta } from "../../spec/meta.ts";
import type { Pod } from "../../spec/pod.ts";
import { isLostConnection, type Query } from "../api-client.ts";
import type { Context } from "../context.ts";
import { printValue, wrapItems } from "../object-output.ts";
import {
  compareEvents,
  eventHeading,
  eventRow,
  podHeading,
  podRow,
  type RowOptions,
} from "../print-pods.ts";
import { parseResource, podName, type Resource, resourceOf } from "../resources.ts";
import { columnWidths, formatRow } from "../table.ts";

export interface GetOptions {
  readonly output?: "wide" | "json" | "yaml" | "name";
  readonly watch?: boolean;
  readonly allNamespaces?: boolean;
  readonly selector?: string;
  readonly fieldSelector?: string;
  readonly headers?: boolean;
  readonly ignoreNotFound?: boolean;
}

interface KubeObject {
  readonly metadata: ObjectMeta;
}

interface Kind<T extends KubeObject> {
  readonly resource: Resource;
  readonly heading: (options: RowOptions) => readonly string[];
  readonly row: (item: T, options: RowOptions) => readonly string[];
  readonly compare: (a: T, b: T) => number;
}

const podKind: Kind<Pod> = {
  resource: "pods",
  heading: podHeading,
  row: podRow,
  compare: (a, b) =>
    a.metadata.namespace.localeCompare(b.metadata.namespace) ||
    a.metadata.name.localeCompare(b.metadata.name),
};

const eventKind: Kind<Event> = {
  resource: "events",
  heading: eventHeading,
  row: eventRow,
  compare: compareEvents,
};

/** @param words - `pods`, `pods NAME…`, `pod/NAME…`, `events`. */
export async function getObjects(
  context: Context,
  words: readonly string[],
  options: GetOptions,
): Promise<number> {
  const [first = "pods", ...rest] = words;
  const isSlashed = resourceOf(first) === undefined && first.includes("/");
  const resource = parseResource(isSlashed ? first.slice(0, first.indexOf("/")) : first);
  const names = isSlashed ? words.map(podName) : rest.map(podName);
  if (names.length > 0 && (options.allNamespaces || options.selector !== undefined)) {
    throw new PodError("InvalidArgument", "Names cannot be combined with -A or -l");
  }
  return resource === "pods"
    ? await new Getter(context, podKind, names, options).run()
    : await new Getter(context, eventKind, names, options).run();
}

class Getter<T extends KubeObject> {
  readonly #context: Context;
  readonly #kind: Kind<T>;
  readonly #names: readonly string[];
  readonly #options: GetOptions;
  #widths: readonly number[] | undefined;

  constructor(context: Context, kind: Kind<T>, names: readonly string[], options: GetOptions) {
    this.#context = context;
    this.#kind = kind;
    this.#names = names;
    this.#options = options;
  }

  async run(): Promise<number> {
    const { items, resourceVersion, missing } = await this.#read();
    await this.#show(items);
    for (const error of missing) this.#context.screen.remark(`nspod: ${error.message}`);
    if (missing.length > 0) return 1;
    if (this.#options.watch === true) await this.#watch(resourceVersion);
    return 0;
  }

  get #path(): string {
    const { namespace } = this.#context;
    const scope = this.#options.allNamespaces ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
    return `/api/v1${scope}/${this.#kind.resource}`;
  }

  get #query(): Query {
    const { selector, fieldSelector } = this.#options;
    const [name, ...others] = this.#names;
    return {
      labelSelector: selector,
      fieldSelector:
        name !== undefined && others.length === 0 ? `metadata.name=${name}` : fieldSelector,
    };
  }

  async #read(): Promise<{
    readonly items: readonly T[];
    readonly resourceVersion: string | undefined;
    readonly missing: readonly PodError[];
  }> {
    const { client } = this.#context;
    if (this.#names.length === 0) {
      const list = await client.json<List<T>>("GET", this.#path, { query: this.#query });
      const items = [...list.items].sort(this.#kind.compare);
      return { items, resourceVersion: list.metadata.resourceVersion, missing: [] };
    }
    const items: T[] = [];
    const missing: PodError[] = [];
    for (const name of this.#names) {
      try {
        items.push(await client.json<T>("GET", `${this.#path}/${encodeURIComponent(name)}`));
      } catch (error) {
        if (!isPodError(error, "NotFound")) throw error;
        if (this.#options.ignoreNotFound !== true) missing.push(error);
      }
    }
    return { items, resourceVersion: items[0]?.metadata.resourceVersion, missing };
  }

  async #show(items: readonly T[]): Promise<void> {
    const { screen, namespace } = this.#context;
    const { output, allNamespaces, watch } = this.#options;
    if (output === "json" || output === "yaml") {
      // A watch prints one object after the other, as kubectl does.
      if (watch) for (const item of items) await printValue(screen, item, output);
      else await printValue(screen, wrapItems(items, this.#names.length === 1), output);
      return;
    }
    if (output === "name") {
      for (const item of items) this.#printName(item);
      return;
    }
    if (items.length === 0) {
      const where = allNamespaces ? "" : ` in ${namespace} namespace`;
      if (this.#names.length === 0 && !watch) screen.remark(`No resources found${where}.`);
      return;
    }
    this.#printRows(items);
  }

  #printName(item: T): void {
    const singular = this.#kind.resource.slice(0, -1);
    this.#context.screen.print(`${singular}/${item.metadata.name}`);
  }

  #printRows(items: readonly T[]): void {
    const rowOptions: RowOptions = {
      isWide: this.#options.output === "wide",
      withNamespace: this.#options.allNamespaces === true,
      nowMs: Date.now(),
    };
    const rows = items.map((item) => this.#kind.row(item, rowOptions));
    const isFirst = this.#widths === undefined;
    const heading = this.#kind.heading(rowOptions);
    const hasHeading = isFirst && this.#options.headers !== false;
    const lines = hasHeading ? [heading, ...rows] : rows;
    // A watch keeps the widths of its first table.
    this.#widths ??= columnWidths(lines);
    for (const line of lines) this.#context.screen.print(formatRow(line, this.#widths));
  }

  async #watch(from: string | undefined): Promise<void> {
    const { client } = this.#context;
    const { signal } = new AbortController();
    const names = new Set(this.#names);
    let resourceVersion = from;
    for (;;) {
      try {
        const query = { ...this.#query, resourceVersion };
        for await (const { type, object } of client.watch<T>(this.#path, query, signal)) {
          resourceVersion = object.metadata.resourceVersion;
          if (type === "BOOKMARK" || (names.size > 0 && !names.has(object.metadata.name))) continue;
          await this.#showChange(object);
        }
      } catch (error) {
        const isExpired = isPodError(error) && error.data["reason"] === "Expired";
        if (isExpired) resourceVersion = undefined;
        else if (!isLostConnection(error)) throw error;
      }
      // The daemon went away or ended the watch: take it up again where it was.
      await sleep(500);
    }
  }

  async #showChange(item: T): Promise<void> {
    const { output } = this.#options;
    if (output === "json" || output === "yaml") {
      await printValue(this.#context.screen, item, output);
    } else if (output === "name") {
      this.#printName(item);
    } else {
      this.#printRows([item]);
    }
  }
}
