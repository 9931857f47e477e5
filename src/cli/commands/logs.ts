/** `nspod logs`: what containers of a pod wrote, as kubectl shows it. */
import { systemClock } from "../../base/clock.ts";
import { messageOf, PodError } from "../../base/errors.ts";
import type { Query } from "../../base/format-query.ts";
import type { List } from "../../spec/list.ts";
import type { Pod } from "../../spec/pod.ts";
import { choosePod } from "../choose-pod.ts";
import { type Context, podsPath } from "../context.ts";
import { defaultContainer, requireContainer } from "../default-container.ts";
import { parseDuration } from "../duration.ts";
import { readLines } from "../json-lines.ts";
import { splitTimestamp } from "../log-follower.ts";
import { type LogEntry, mergeLogs, ReorderWindow } from "../log-merge.ts";
import { coloured, containerNames } from "../log-prefix.ts";

export interface LogsOptions {
  readonly container?: string;
  readonly follow?: boolean;
  readonly previous?: boolean;
  readonly tail?: string;
  readonly since?: string;
  readonly sinceTime?: string;
  readonly timestamps?: boolean;
  readonly allContainers?: boolean;
  readonly prefix?: boolean;
  readonly limitBytes?: string;
  readonly raw?: boolean;
  readonly selector?: string;
  readonly allPods?: boolean;
  readonly maxLogRequests?: string;
  readonly ignoreErrors?: boolean;
}

/** One container whose log is shown. */
interface Source {
  readonly pod: Pod;
  readonly container: string;
  readonly prefix: string;
}

/** kubectl's, for pods that a selector finds. */
const selectedTail = "10";

export async function showLogs(
  context: Context,
  words: readonly string[],
  options: LogsOptions,
): Promise<number> {
  const isMany = options.selector !== undefined || options.allPods === true;
  const [word, second, ...rest] = words;
  const container = options.container ?? second;
  if (rest.length > 0 || (options.container !== undefined && second !== undefined)) {
    throw new PodError("InvalidArgument", "Name one pod, and one container with -c");
  }
  if (options.allContainers && container !== undefined) {
    throw new PodError("InvalidArgument", "--all-containers cannot be combined with a container");
  }
  if (isMany === (word !== undefined)) {
    throw new PodError("InvalidArgument", "Name one pod, or choose pods with -l or --all-pods");
  }
  const tail =
    options.tail ?? (options.selector !== undefined && !options.follow ? selectedTail : undefined);
  const query = logQuery({ ...options, ...(tail === undefined ? {} : { tail }) });
  const pods = isMany
    ? await selectPods(context, options.selector)
    : [(await choosePod(context, word ?? "")).pod];
  const chosen = pods.flatMap((pod) =>
    containersOf(context, pod, container, options).map((name) => ({ pod, container: name })),
  );
  const isPrefixed =
    options.prefix ??
    (options.allPods === true || (context.screen.isTerminal && chosen.length > 1));
  const sources = chosen.map((source, index) => ({
    ...source,
    prefix: isPrefixed ? prefixOf(source, index, context.screen.hasColours) : "",
  }));
  const [only, another] = sources;
  if (only === undefined) {
    context.screen.remark(`No resources found in ${context.namespace} namespace.`);
  } else if (another === undefined) {
    await showContainer(context, only, { ...options, query });
  } else {
    await showMerged(context, sources, { ...options, query });
  }
  return 0;
}

function containersOf(
  { screen }: Context,
  pod: Pod,
  container: string | undefined,
  { allContainers }: LogsOptions,
): readonly string[] {
  if (allContainers) return containerNames(pod);
  if (container !== undefined) return [requireContainer(pod, container)];
  return [defaultContainer(pod, screen)];
}

async function selectPods(
  { client, namespace }: Context,
  labelSelector: string | undefined,
): Promise<readonly Pod[]> {
  const list = await client.json<List<Pod>>("GET", podsPath(namespace), {
    query: { labelSelector },
  });
  return list.items;
}

function prefixOf(
  { pod, container }: Omit<Source, "prefix">,
  index: number,
  hasColours: boolean,
): string {
  return coloured(`[pod/${pod.metadata.name}/${container}] `, index, hasColours);
}

type MergeOptions = LogsOptions & { readonly query: Query };

/** Several logs as one, by the time of each line. */
async function showMerged(
  { client, screen }: Context,
  sources: readonly Source[],
  options: MergeOptions,
): Promise<void> {
  const most = wholeNumber(options.maxLogRequests ?? "5", "--max-log-requests", 1) ?? 5;
  if (options.follow && sources.length > most) {
    throw new PodError(
      "InvalidArgument",
      `you are attempting to follow ${sources.length} log streams, but maximum allowed concurrency is ${most}, use --max-log-requests to increase the limit`,
    );
  }
  const print = ({ source, time, line }: LogEntry<Source>): void =>
    screen.printLog(options.timestamps ? `${time} ${line}` : line, source.prefix, options.raw);
  const entries = sources.map((source) => readEntries(client, screen, source, options));
  if (!options.follow) {
    for await (const entry of mergeLogs(entries)) print(entry);
    return;
  }
  const window = new ReorderWindow<Source>(systemClock, print);
  try {
    await Promise.all(
      entries.map(async (each) => {
        for await (const entry of each) window.push(entry);
      }),
    );
  } finally {
    window.flush();
  }
}

async function* readEntries(
  client: Context["client"],
  screen: Context["screen"],
  source: Source,
  { query, ignoreErrors }: MergeOptions,
): AsyncGenerator<LogEntry<Source>, void, undefined> {
  const { namespace, name } = source.pod.metadata;
  try {
    const response = await client.stream("GET", podsPath(namespace, name, "log"), {
      query: { ...query, container: source.container, timestamps: true },
    });
    for await (const text of readLines(response)) yield { source, ...splitTimestamp(text) };
  } catch (error) {
    if (!ignoreErrors) throw error;
    screen.remark(`error: ${name}/${source.container}: ${messageOf(error)}`);
  }
}

/** The query of the log request. @throws PodError InvalidArgument */
export function logQuery(options: LogsOptions): Query {
  if (options.since !== undefined && options.sinceTime !== undefined) {
    throw new PodError("InvalidArgument", "Only one of --since and --since-time may be used");
  }
  const tail = wholeNumber(options.tail, "--tail", -1);
  const since = options.since === undefined ? 0 : parseDuration(options.since, "--since");
  if (options.sinceTime !== undefined && Number.isNaN(Date.parse(options.sinceTime))) {
    throw new PodError(
      "InvalidArgument",
      `--since-time: must be an RFC 3339 time such as "2026-01-31T12:00:00Z": got "${options.sinceTime}"`,
    );
  }
  return {
    follow: options.follow,
    previous: options.previous,
    timestamps: options.timestamps,
    tailLines: tail === -1 ? undefined : tail,
    sinceSeconds: options.since === undefined ? undefined : Math.max(1, Math.ceil(since / 1000)),
    sinceTime: options.sinceTime,
    limitBytes: wholeNumber(options.limitBytes, "--limit-bytes", 1),
  };
}

function wholeNumber(text: string | undefined, option: string, least: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least || text.trim() === "") {
    throw new PodError(
      "InvalidArgument",
      `${option}: must be a whole number of at least ${least}: got "${text}"`,
    );
  }
  return value;
}

async function showContainer(
  { client, screen }: Context,
  { pod, container, prefix }: Source,
  options: MergeOptions,
): Promise<void> {
  const path = podsPath(pod.metadata.namespace, pod.metadata.name, "log");
  const query = { ...options.query, container };
  if (prefix === "" && !screen.isTerminal) {
    // Bytes as they were written, also when they are no text.
    await client.pour(path, query, async (bytes) => await screen.handOver(bytes));
    return;
  }
  const response = await client.stream("GET", path, { query });
  for await (const line of readLines(response)) screen.printLog(line, prefix, options.raw === true);
}
