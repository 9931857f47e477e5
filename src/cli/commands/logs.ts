/** `nspod logs`: what containers of a pod wrote, as kubectl shows it. */
import { PodError } from "../../base/errors.ts";
import type { Pod } from "../../spec/pod.ts";
import type { Query } from "../api-client.ts";
import { type Context, podsPath } from "../context.ts";
import { defaultContainer, requireContainer } from "../default-container.ts";
import { parseDuration } from "../duration.ts";
import { readLines } from "../json-lines.ts";
import { containerNames } from "../log-prefix.ts";
import { podName } from "../object-arguments.ts";

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
}

export async function showLogs(
  context: Context,
  words: readonly string[],
  options: LogsOptions,
): Promise<number> {
  const [word = "", second, ...rest] = words;
  const container = options.container ?? second;
  if (rest.length > 0 || (options.container !== undefined && second !== undefined)) {
    throw new PodError("InvalidArgument", "Name one pod, and one container with -c");
  }
  if (options.allContainers && container !== undefined) {
    throw new PodError("InvalidArgument", "--all-containers cannot be combined with a container");
  }
  const query = logQuery(options);
  const path = podsPath(context.namespace, podName(word));
  const pod = await context.client.json<Pod>("GET", path);
  const containers = options.allContainers
    ? containerNames(pod)
    : [
        container === undefined
          ? defaultContainer(pod, context.screen)
          : requireContainer(pod, container),
      ];
  const show = (name: string): Promise<void> =>
    showContainer(context, pod, name, { ...options, query });
  if (options.follow) {
    await Promise.all(containers.map(show));
  } else {
    for (const name of containers) await show(name);
  }
  return 0;
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
  pod: Pod,
  container: string,
  options: LogsOptions & { readonly query: Query },
): Promise<void> {
  const { namespace, name } = pod.metadata;
  const response = await client.stream("GET", podsPath(namespace, name, "log"), {
    query: { ...options.query, container },
  });
  const prefix = options.prefix ? `[pod/${name}/${container}] ` : "";
  if (prefix === "" && !screen.isTerminal) {
    // Bytes as they were written, also when they are no text.
    for await (const chunk of response) {
      if (!screen.write(chunk as Uint8Array)) await screen.drained();
    }
    return;
  }
  for await (const line of readLines(response)) screen.printLog(line, prefix, options.raw === true);
}
