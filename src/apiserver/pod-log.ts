/**
 * The log of a container as text, followed while the client stays.
 * Source: Kubernetes API reference, "read log of the specified Pod".
 */
import type { Pod } from "../spec/pod.ts";
import type { PodLogOptions } from "./backend.ts";
import { chooseContainer } from "./pod-container.ts";
import { badRequest } from "./problem.ts";
import type { Query } from "./query.ts";
import { findObject } from "./read-objects.ts";
import type { Exchange, Route } from "./router.ts";
import { sendStream } from "./stream-answer.ts";

/** Which lines; a container is named elsewhere. */
export const logParameters: readonly string[] = [
  "follow",
  "previous",
  "tailLines",
  "sinceSeconds",
  "sinceTime",
  "timestamps",
  "limitBytes",
];

export const podLogRoute: Route = {
  method: "GET",
  path: "/api/v1/namespaces/{namespace}/pods/{name}/log",
  query: ["container", ...logParameters],
  handle: sendLog,
};

async function sendLog(exchange: Exchange): Promise<void> {
  const { backend, query, response, signal, clock } = exchange;
  const pod = findObject<Pod>(exchange, "Pod");
  const container = chooseContainer(pod, query.text("container"));
  const options = { ...decodeLogOptions(query, clock.now(), signal), container };
  await sendStream(response, "text/plain", backend.logs(pod, options));
}

export function decodeLogOptions(
  query: Query,
  nowMs: number,
  signal: AbortSignal,
): Omit<PodLogOptions, "container"> {
  const tailLines = query.integer("tailLines", 0);
  const limitBytes = query.integer("limitBytes", 1);
  const sinceMs = decodeSince(query, nowMs);
  return {
    follow: query.flag("follow"),
    previous: query.flag("previous"),
    timestamps: query.flag("timestamps"),
    ...(tailLines !== undefined && { tailLines }),
    ...(limitBytes !== undefined && { limitBytes }),
    ...(sinceMs !== undefined && { sinceMs }),
    signal,
  };
}

function decodeSince(query: Query, nowMs: number): number | undefined {
  const seconds = query.integer("sinceSeconds", 1);
  const time = query.text("sinceTime");
  if (time === undefined) return seconds === undefined ? undefined : nowMs - seconds * 1000;
  if (seconds !== undefined) {
    throw badRequest('Only one of "sinceSeconds" and "sinceTime" may be given');
  }
  const isRfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(time);
  const ms = isRfc3339 ? Date.parse(time) : Number.NaN;
  if (!Number.isNaN(ms)) return ms;
  throw badRequest(`Parameter "sinceTime": must be an RFC 3339 time: got "${time}"`);
}
