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

export const podLogRoute: Route = {
  method: "GET",
  path: "/api/v1/namespaces/{namespace}/pods/{name}/log",
  query: [
    "container",
    "follow",
    "previous",
    "tailLines",
    "sinceSeconds",
    "sinceTime",
    "timestamps",
    "limitBytes",
  ],
  handle: sendLog,
};

async function sendLog(exchange: Exchange): Promise<void> {
  const { backend, query, response, signal, clock } = exchange;
  const pod = findObject<Pod>(exchange, "Pod");
  const options = decodeLogOptions(query, pod, clock.now(), signal);
  await sendStream(response, "text/plain", backend.logs(pod, options));
}

function decodeLogOptions(
  query: Query,
  pod: Pod,
  nowMs: number,
  signal: AbortSignal,
): PodLogOptions {
  const tailLines = query.integer("tailLines", 0);
  const limitBytes = query.integer("limitBytes", 1);
  const sinceMs = decodeSince(query, nowMs);
  return {
    container: chooseContainer(pod, query.text("container")),
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
