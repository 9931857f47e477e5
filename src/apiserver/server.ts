/**
 * The HTTP door: one unix socket that only root can open (the file's mode is the guard; Node.js
 * cannot ask for the peer's uid), and on request TCP with TLS (authenticate.ts). Requests that a browser could be tricked into sending through a
 * proxy (an Origin, a foreign Host) are refused.
 *
 *   request → target decoded once → client known → route → allowed → query checked → handler → answer or Status
 *
 * The endpoints of a node have a gate in place of the API's own policy (kubelet-access.ts).
 *
 * Limits: 256 KiB of header (exec carries its command there), 10 s for the header (60 s on the socket, where only root
 * is slow), bodies by body.ts, 1024 connections.
 */
import { chmodSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import { type Clock, systemClock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { reviewRoutes } from "./access-reviews.ts";
import { authenticate, type User } from "./authenticate.ts";
import { authorize, deedOf } from "./authorize.ts";
import type { Backend } from "./backend.ts";
import { refuseBrokenRequests } from "./broken-request.ts";
import { discoveryRoutes } from "./discovery.ts";
import { imageRoutes } from "./images.ts";
import { impersonated } from "./impersonate.ts";
import { metricsRoutes } from "./metrics.ts";
import { authorizeNode } from "./node-rules.ts";
import { openApiRoutes } from "./openapi.ts";
import type { KeyPair } from "./pki-files.ts";
import { podLogRoute } from "./pod-log.ts";
import { plainStreamRoutes, type StreamRoute, streamRoutes } from "./pod-streams.ts";
import { forbidden, RequestProblem, statusOf } from "./problem.ts";
import { Query } from "./query.ts";
import { resourceRoutes } from "./resource-routes.ts";
import { type Door, type Exchange, findRoute, type Route, sendJson } from "./router.ts";
import { StreamDoor } from "./stream-door.ts";
import { systemRoutes } from "./system.ts";
import { parseTarget } from "./target.ts";

const routes: readonly Route[] = [
  ...discoveryRoutes,
  ...openApiRoutes,
  ...resourceRoutes,
  ...reviewRoutes,
  podLogRoute,
  ...plainStreamRoutes,
  ...metricsRoutes,
  ...imageRoutes,
  ...systemRoutes,
];

/** What a door answers to. */
export interface RouteTables {
  readonly routes: readonly Route[];
  readonly upgradeRoutes: readonly (Omit<StreamRoute, "method"> & {
    readonly method: "GET" | "POST";
  })[];
}

/** SPDY clients POST. */
const upgradeRoutes = streamRoutes.flatMap((route) => [
  route,
  { ...route, method: "POST" as const },
]);

export interface ApiServerOptions {
  readonly backend: Backend;
  readonly logger: Logger;
  /** Version of nspod. */
  readonly version: string;
  readonly clock?: Clock;
  /** Absent: the API. */
  readonly tables?: RouteTables;
  /** Who may come in by TLS; absent: whom authenticate.ts and authorize.ts let. */
  readonly gate?: Gate;
  /** Called after a reset and before its answer. */
  readonly onReset?: () => void | Promise<void>;
  /** Called when the number of open connections has changed. */
  readonly onConnections?: (open: number) => void;
}

/** Decides about a request by its path. */
export interface Gate {
  /** Who asks. @throws PodError when they may not. */
  admit(request: IncomingMessage, path: string, isSession: boolean): Promise<User>;
}

/** How long `close()` lets answers that are under way finish. */
const closeTimeoutMs = 2000;

/** Where a server listens beside its socket, for clients that prove who they are. */
export interface TlsListen {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly pki: TlsIdentity;
}

/** Who the server is, and who signs for its clients. */
export interface TlsIdentity {
  readonly server: KeyPair;
  readonly authority: Pick<KeyPair, "certificate">;
}

/** A command that is short of time on a busy machine is no attack. */
const rootsHeadersTimeoutMs = 60_000;

const limits = {
  maxHeaderSize: 256 * 1024,
  headersTimeout: 10_000,
  // Archives may take long to arrive; JSON bodies have their own limit.
  requestTimeout: 0,
  connectionsCheckingInterval: 5000,
} as const;

/** What a request is for. */
type Found<R> = { readonly route: R } & Pick<Exchange, "user" | "parameters" | "query">;

export class ApiServer implements AsyncDisposable {
  readonly #door: Door;
  readonly #tables: RouteTables;
  readonly #gate: Gate | undefined;
  readonly #server: Server;
  #tlsServer: Server | undefined;
  readonly #streams: StreamDoor;
  readonly #closing = new AbortController();
  readonly #onConnections: (open: number) => void;
  #connections = 0;
  #lastGone: () => void = () => undefined;

  constructor(options: ApiServerOptions) {
    const { backend, logger, version, clock = systemClock, onReset = () => undefined } = options;
    this.#tables = options.tables ?? { routes, upgradeRoutes };
    this.#gate = options.gate;
    this.#door = { backend, logger, version, clock, onReset };
    this.#onConnections = options.onConnections ?? (() => undefined);
    this.#streams = new StreamDoor(clock);
    this.#server = createServer({ ...limits, headersTimeout: rootsHeadersTimeoutMs });
    this.#serve(this.#server, "connection");
  }

  /** Open connections, upgraded ones included. */
  get connections(): number {
    return this.#connections;
  }

  /**
   * Listens on a unix socket with mode 0600. The path must be free.
   * @throws Error of node:net.
   */
  async listen(path: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once("error", reject);
    // The socket file is made during this call: at no moment can others open it.
    const umask = process.umask(0o077);
    try {
      this.#server.listen(path, resolve);
    } finally {
      process.umask(umask);
    }
    await promise;
    this.#server.off("error", reject);
    chmodSync(path, 0o600);
  }

  /**
   * Listens on TCP, too, with TLS. @returns the port.
   * @throws Error of node:net.
   */
  async listenTls({ host, port, pki }: TlsListen): Promise<number> {
    const server = createTlsServer({
      ...limits,
      cert: pki.server.certificate,
      key: pki.server.key,
      ca: pki.authority.certificate,
      // Without a certificate a client may still have a token: authenticate.ts tells.
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      ALPNProtocols: ["http/1.1"],
      handshakeTimeout: 10_000,
    });
    this.#serve(server, "secureConnection");
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.once("error", reject);
    server.listen(port, host, resolve);
    await promise;
    server.off("error", reject);
    this.#tlsServer = server;
    const address = server.address();
    return typeof address === "object" && address !== null ? address.port : port;
  }

  /** Takes no more connections and removes the socket file; those that are open live on. */
  stopListening(): void {
    for (const server of this.#servers()) if (server.listening) server.close();
  }

  /** Stops listening, ends watches and sessions, and lets other answers finish for a moment. */
  async close(): Promise<void> {
    this.stopListening();
    this.#closing.abort();
    for (const server of this.#servers()) server.closeIdleConnections();
    this.#streams.close();
    if (this.#connections === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#lastGone = resolve;
    const cancel = this.#door.clock.after(closeTimeoutMs, () => {
      for (const server of this.#servers()) server.closeAllConnections();
    });
    await promise;
    cancel();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #servers(): readonly Server[] {
    return this.#tlsServer === undefined ? [this.#server] : [this.#server, this.#tlsServer];
  }

  #serve(server: Server, connectionEvent: "connection" | "secureConnection"): void {
    server.maxConnections = 1024;
    server.on("request", (request, response) => void this.#answer(request, response));
    server.on("upgrade", (request, socket, head) => this.#upgrade(request, socket, head));
    server.on(connectionEvent, (socket: Duplex) => {
      this.#countConnection(1);
      socket.once("close", () => this.#countConnection(-1));
    });
    refuseBrokenRequests(server);
  }

  #countConnection(change: 1 | -1): void {
    this.#connections += change;
    if (this.#connections === 0) this.#lastGone();
    this.#onConnections(this.#connections);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    if (this.#closing.signal.aborted) response.setHeader("connection", "close");
    try {
      const { routes: table } = this.#tables;
      const { route, ...rest } =
        this.#gate === undefined
          ? this.#read(table, request)
          : await this.#pass(this.#gate, table, request, false);
      const signal = AbortSignal.any([gone.signal, this.#closing.signal]);
      await route.handle({ ...this.#door, ...rest, request, response, signal });
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  #fail(request: IncomingMessage, response: ServerResponse, error: unknown): void {
    if (response.destroyed) return;
    const status = statusOf(error);
    const facts = { err: error, method: request.method, url: request.url };
    if (status.code >= 500) this.#door.logger.error(facts, "Request failed");
    else this.#door.logger.debug(facts, "Request refused");
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (error instanceof RequestProblem) {
      for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
    }
    sendJson(response, status.code, status);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#gate !== undefined) {
      void this.#upgradeBehind(this.#gate, request, socket, head);
      return;
    }
    try {
      this.#open(this.#read(this.#tables.upgradeRoutes, request), request, socket, head);
    } catch (error) {
      this.#refuseUpgrade(request, socket, error);
    }
  }

  async #upgradeBehind(
    gate: Gate,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): Promise<void> {
    // A client that goes away meanwhile is nobody's error.
    const onError = (): void => void socket.destroy();
    socket.on("error", onError);
    try {
      const found = await this.#pass(gate, this.#tables.upgradeRoutes, request, true);
      socket.off("error", onError);
      if (!socket.destroyed) this.#open(found, request, socket, head);
    } catch (error) {
      if (!socket.destroyed) this.#refuseUpgrade(request, socket, error);
    }
  }

  /** @throws RequestProblem. */
  #open(
    { route, ...rest }: Found<RouteTables["upgradeRoutes"][number]>,
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
  ): void {
    const { signal } = this.#closing;
    const prepared = route.prepare({ ...this.#door, ...rest, request, signal });
    const offer = this.#streams.choose(request, prepared);
    this.#streams.open({ request, socket, head }, prepared, offer, (error) => {
      this.#door.logger.error({ err: error, url: request.url }, "Session failed");
    });
  }

  /** Answers with a Status and ends the connection: nothing of a refused upgrade lives on. */
  #refuseUpgrade(request: IncomingMessage, socket: Duplex, error: unknown): void {
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    // node:http gives net.Socket here; the type is wider.
    response.assignSocket(socket as Parameters<ServerResponse["assignSocket"]>[0]);
    response.once("finish", () => socket.end());
    socket.on("error", () => socket.destroy());
    this.#fail(request, response, error);
  }

  #read<R extends Pick<Route, "method" | "path" | "query">>(
    table: readonly R[],
    request: IncomingMessage,
  ): Found<R> {
    checkOrigin(request);
    const target = parseTarget(request.url ?? "");
    const { method = "" } = request;
    const { backend, clock } = this.#door;
    const who = authenticate(request, {
      store: backend.store,
      readToken: (text, nowMs) => backend.tokens.read(text, nowMs),
      nowMs: clock.now(),
    });
    const user = impersonated(who, request);
    const { route, parameters } = findRoute(table, method, target.segments);
    const [namespace, name] = [parameters.get("namespace"), parameters.get("name")];
    const isWatch = target.parameters.some(([key, value]) => key === "watch" && value !== "false");
    const deed = deedOf({ method, path: route.path, namespace, name, isWatch });
    authorize(user, deed, backend.store);
    const [fieldSelector = "", labelSelector = ""] = ["fieldSelector", "labelSelector"].map(
      (name) => target.parameters.find(([key]) => key === name)?.[1],
    );
    authorizeNode(user, deed, { objects: backend.store, fieldSelector, labelSelector });
    return { user, route, parameters, query: new Query(target.parameters, route.query ?? []) };
  }

  async #pass<R extends Pick<Route, "method" | "path" | "query">>(
    gate: Gate,
    table: readonly R[],
    request: IncomingMessage,
    isSession: boolean,
  ): Promise<Found<R>> {
    checkOrigin(request);
    const target = parseTarget(request.url ?? "");
    const user = await gate.admit(request, `/${target.segments.join("/")}`, isSession);
    const { route, parameters } = findRoute(table, request.method ?? "", target.segments);
    return { user, route, parameters, query: new Query(target.parameters, route.query ?? []) };
  }
}

/** @throws RequestProblem 403. */
function checkOrigin({ headers, socket }: IncomingMessage): void {
  if (headers.origin !== undefined) {
    throw forbidden("Requests of web pages are refused: the request has an Origin");
  }
  // Whoever comes by TLS proves who they are; names that lead here are many.
  if (socket instanceof TLSSocket) return;
  const host = headers.host ?? "";
  if (!/^(?:localhost|nspod|127\.0\.0\.1|\[::1\])?(?::\d{1,5})?$/i.test(host)) {
    throw forbidden(`Host: must be "nspod" or "localhost": got "${host}"`);
  }
}
