/**
 * exec, attach and portforward. What is wrong with the request is a Status instead of the upgrade; what fails
 * when the session starts comes on its error channel.
 * Source: Kubernetes API reference, "connect GET requests to exec of Pod".
 */

import type { Duplex } from "node:stream";
import type { CopyWork } from "../pod/copy-session.ts";
import type { Pod } from "../spec/pod.ts";
import type { AttachOptions, Session } from "./backend.ts";
import { chooseContainer } from "./pod-container.ts";
import { portSession } from "./port-session.ts";
import { badRequest } from "./problem.ts";
import { findObject } from "./read-objects.ts";
import type { Exchange, Route } from "./router.ts";

/** A session that may start as soon as there is a connection for it. */
export interface PreparedSession {
  readonly options: AttachOptions;
  readonly start: () => Promise<Session>;
  /** Connects to ports that the client names stream by stream: port-forward alone has it. */
  readonly connect?: (port: number) => Promise<Duplex>;
}

/** What a stream route needs of an exchange: there is no response yet. */
export type StreamExchange = Omit<Exchange, "response">;

export interface StreamRoute extends Pick<Route, "path" | "query"> {
  readonly method: "GET";
  readonly prepare: (exchange: StreamExchange) => PreparedSession;
}

const podPath = "/api/v1/namespaces/{namespace}/pods/{name}";
export const copyParameters: readonly string[] = ["from", "to", "name", "owners"];
const streamParameters = ["container", "stdin", "stdout", "stderr", "tty"];

export const streamRoutes: readonly StreamRoute[] = [
  {
    method: "GET",
    path: `${podPath}/exec`,
    query: [...streamParameters, "command[]"],
    prepare: (exchange) => {
      const { backend, query } = exchange;
      const { pod, options } = decodeRequest(exchange);
      const command = query.list("command");
      if (command.length === 0) throw badRequest('Parameter "command" is required');
      return { options, start: () => backend.exec(pod, { ...options, command }) };
    },
  },
  {
    method: "GET",
    path: `${podPath}/attach`,
    query: streamParameters,
    prepare: (exchange) => {
      const { pod, options } = decodeRequest(exchange);
      return { options, start: () => exchange.backend.attach(pod, options) };
    },
  },
  {
    method: "GET",
    path: "/nspod/v1/namespaces/{namespace}/pods/{name}/copy",
    query: ["container", ...copyParameters],
    prepare: (exchange) => {
      const { backend, query } = exchange;
      const pod = findObject<Pod>(exchange, "Pod");
      const container = chooseContainer(pod, query.text("container"));
      const work = decodeCopy(exchange);
      return {
        options: {
          container,
          stdin: work.direction === "to",
          stdout: true,
          stderr: true,
          tty: false,
        },
        start: () => backend.copy(pod, container, work),
      };
    },
  },
  {
    method: "GET",
    path: `${podPath}/portforward`,
    query: ["ports"],
    prepare: (exchange) => {
      const { backend, query } = exchange;
      const pod = findObject<Pod>(exchange, "Pod");
      const connect = (port: number): Promise<Duplex> => backend.connectPort(pod, port);
      const port = query.integer("ports", 1);
      if (port !== undefined && port > 65_535) {
        throw badRequest(`Parameter "ports": must be at most 65535: got ${port}`);
      }
      return {
        options: portOptions,
        connect,
        start: async () => {
          if (port === undefined) throw badRequest('Parameter "ports" is required');
          return portSession(await connect(port));
        },
      };
    },
  },
];

/** `from=PATH`, or `to=PATH` with the name of the content and whether it keeps its owners. */
export function decodeCopy({ query }: StreamExchange): CopyWork {
  const from = query.text("from");
  const to = query.text("to");
  if ((from === undefined) === (to === undefined)) {
    throw badRequest('One of the parameters "from" and "to" is required');
  }
  if (from !== undefined) return { direction: "from", path: from };
  const [name, owners] = [query.text("name") ?? "", query.flag("owners")];
  if (name.includes("/") || name === "..")
    throw badRequest(`Parameter "name": is no name: "${name}"`);
  return { direction: "to", path: to ?? "", name, owners };
}

/** A connection has one stream in each direction, and either may end first. */
export const portOptions: AttachOptions = {
  container: "",
  stdin: true,
  stdout: true,
  stderr: false,
  tty: false,
  tellsEnd: true,
};

/** The same paths without an upgrade. */
export const plainStreamRoutes: readonly Route[] = streamRoutes.flatMap(({ path, query = [] }) =>
  (["GET", "POST"] as const).map((method) => ({ method, path, query, handle: askForUpgrade })),
);

function askForUpgrade(): void {
  throw badRequest(
    "This is a stream: connect by WebSocket with subprotocol v5.channel.k8s.io, or by SPDY/3.1",
  );
}

function decodeRequest(exchange: StreamExchange): {
  readonly pod: Pod;
  readonly options: AttachOptions;
} {
  const { query } = exchange;
  const pod = findObject<Pod>(exchange, "Pod");
  const options: AttachOptions = {
    container: chooseContainer(pod, query.text("container")),
    stdin: query.flag("stdin"),
    stdout: query.flag("stdout"),
    // A terminal has one output.
    stderr: query.flag("stderr") && !query.flag("tty"),
    tty: query.flag("tty"),
  };
  return { pod, options: checkStreams(options) };
}

/** @throws RequestProblem 400 when no stream is wanted. */
export function checkStreams(options: AttachOptions): AttachOptions {
  if (options.stdin || options.stdout || options.stderr) return options;
  throw badRequest('At least one of "stdin", "stdout" and "stderr" must be true');
}
