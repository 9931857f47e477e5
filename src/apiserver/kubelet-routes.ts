/**
 * The endpoints of a node that an API server calls: logs, sessions and usage of its pods. Paths and parameters are the
 * kubelet's, so that any API server can; files are copied by a path of nspod's own.
 *
 *   /containerLogs/NS/POD/CONTAINER    /exec/…  /attach/…    /portForward/NS/POD    /stats/summary
 *   /metrics/resource
 *
 * Source: Kubernetes pkg/kubelet/server (paths), "Node metrics data" (summary).
 */
import type { Duplex } from "node:stream";
import { invariant } from "../base/assert.ts";
import { notFound } from "../spec/object-problem.ts";
import type { Pod } from "../spec/pod.ts";
import type { AttachOptions, Backend } from "./backend.ts";
import { chooseContainer } from "./pod-container.ts";
import { decodeLogOptions, logParameters } from "./pod-log.ts";
import {
  checkStreams,
  copyParameters,
  decodeCopy,
  portOptions,
  type StreamExchange,
  type StreamRoute,
} from "./pod-streams.ts";
import { portSession } from "./port-session.ts";
import { badRequest } from "./problem.ts";
import { resourceMetrics, resourceMetricsType } from "./resource-metrics.ts";
import { type Route, sendJson, sendText } from "./router.ts";
import type { RouteTables } from "./server.ts";
import { statsSummary } from "./stats-summary.ts";
import { sendStream } from "./stream-answer.ts";

/** The pods of the node. */
export interface NodePods {
  readonly find: (namespace: string, name: string) => Pod | undefined;
  readonly list: () => readonly Pod[];
}

const containerPath = "{namespace}/{name}/{container}";
const streamParameters = ["command[]", "input", "output", "error", "tty"];

export function kubeletTables(pods: NodePods): RouteTables {
  const podOf = ({ parameters }: Pick<StreamExchange, "parameters">): Pod => {
    const [namespace, name] = [parameters.get("namespace"), parameters.get("name")];
    const pod = pods.find(namespace, name);
    if (pod === undefined) throw notFound("Pod", name);
    return pod;
  };
  const containerOf = (exchange: Pick<StreamExchange, "parameters">, pod: Pod): string =>
    chooseContainer(pod, exchange.parameters.get("container"));

  const usage = async (backend: Backend) => {
    const [[machine], used] = await Promise.all([
      backend.usageOfMachines(),
      backend.usageOfPods(pods.list()),
    ]);
    invariant(machine !== undefined, "the first of the machines is our own");
    return { machine, used };
  };

  const command = (word: "exec" | "attach"): StreamRoute => ({
    method: "GET",
    path: `/${word}/${containerPath}`,
    query: streamParameters,
    prepare: (exchange) => {
      const { backend, query } = exchange;
      const pod = podOf(exchange);
      const tty = query.flag("tty");
      const options: AttachOptions = checkStreams({
        container: containerOf(exchange, pod),
        stdin: query.flag("input"),
        stdout: query.flag("output"),
        stderr: query.flag("error") && !tty,
        tty,
      });
      if (word === "attach") return { options, start: () => backend.attach(pod, options) };
      const words = query.list("command");
      if (words.length === 0) throw badRequest('Parameter "command" is required');
      return { options, start: () => backend.exec(pod, { ...options, command: words }) };
    },
  });

  const streams: readonly StreamRoute[] = [
    command("exec"),
    command("attach"),
    {
      method: "GET",
      path: "/portForward/{namespace}/{name}",
      query: ["port"],
      prepare: (exchange) => {
        const { backend, query } = exchange;
        const pod = podOf(exchange);
        const port = query.integer("port", 1);
        const connect = (each: number): Promise<Duplex> => backend.connectPort(pod, each);
        const start = async () => {
          if (port === undefined) throw badRequest('Parameter "port" is required');
          return portSession(await connect(port));
        };
        return { options: portOptions, connect, start };
      },
    },
    {
      method: "GET",
      path: `/nspod/v1/copy/${containerPath}`,
      query: copyParameters,
      prepare: (exchange) => {
        const pod = podOf(exchange);
        const container = containerOf(exchange, pod);
        const work = decodeCopy(exchange);
        const stdin = work.direction === "to";
        return {
          options: { container, stdin, stdout: true, stderr: true, tty: false },
          start: () => exchange.backend.copy(pod, container, work),
        };
      },
    },
  ];

  const routes: readonly Route[] = [
    {
      method: "GET",
      path: `/containerLogs/${containerPath}`,
      query: logParameters,
      handle: async (exchange) => {
        const { backend, query, response, signal, clock } = exchange;
        const pod = podOf(exchange);
        const container = containerOf(exchange, pod);
        const options = { ...decodeLogOptions(query, clock.now(), signal), container };
        await sendStream(response, "text/plain", backend.logs(pod, options));
      },
    },
    {
      method: "GET",
      path: "/stats/summary",
      handle: async ({ backend, response }) => {
        const { machine, used } = await usage(backend);
        sendJson(response, 200, statsSummary(machine, used));
      },
    },
    {
      method: "GET",
      path: "/metrics/resource",
      handle: async ({ backend, response }) => {
        const { machine, used } = await usage(backend);
        sendText(response, 200, resourceMetricsType, resourceMetrics(machine, used));
      },
    },
    {
      method: "GET",
      path: "/nspod/v1/usage",
      handle: async ({ backend, response }) => {
        const { machine, used } = await usage(backend);
        sendJson(response, 200, { machine, pods: used });
      },
    },
    {
      method: "GET",
      path: "/healthz",
      handle: ({ response }) => sendText(response, 200, "text/plain", "ok"),
    },
  ];
  const upgradeRoutes = streams.flatMap((route) => [route, { ...route, method: "POST" as const }]);
  return { routes, upgradeRoutes };
}
