/**
 * Requests to a Kubernetes API server: JSON, watches, and errors as PodErrors. Connections are kept; a watch has its
 * own. Source: Kubernetes API concepts, "Efficient detection of changes"; API reference, meta/v1 Status.
 */
import { Agent as HttpAgent, type IncomingMessage, request as requestPlain } from "node:http";
import { Agent as HttpsAgent, request as requestTls } from "node:https";
import { createInterface } from "node:readline";
import { kindOfReason, messageOf, PodError } from "../base/errors.ts";
import type { Access } from "./kubeconfig.ts";

export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface RequestOptions {
  readonly query?: Readonly<Record<string, string | number | boolean>>;
  readonly body?: unknown;
  /** Of the body; default application/json. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
}

/** An event of a watch as it comes; ERROR is thrown. */
export interface ServerEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

/** An answer that takes longer than this does not come: connections to a machine that is gone do not end. */
const patienceMs = 20_000;

/** The kernel asks a silent peer after this long whether it is still there. */
const keepAliveMs = 10_000;

/** On their way at the same time. */
const mostRequests = 32;

interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
}

export class KubernetesClient implements Disposable {
  readonly #access: Access;
  readonly #agent: HttpAgent;
  /** Each watch keeps its connection, one for every ConfigMap of a pod: requests must not wait for them. */
  readonly #watchAgent: HttpAgent;
  readonly #watches = new Set<IncomingMessage>();

  constructor(access: Access) {
    this.#access = access;
    this.#agent = newAgent(access, mostRequests);
    this.#watchAgent = newAgent(access, Infinity);
  }

  /** The JSON answer. @throws PodError as the server says; Unavailable when there is no answer. */
  async json<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
    const late = AbortSignal.timeout(patienceMs);
    const signal = options.signal === undefined ? late : AbortSignal.any([late, options.signal]);
    const response = await this.#send(method, path, { ...options, signal });
    const text = await readText(response);
    const { statusCode = 0 } = response;
    if (statusCode < 200 || statusCode > 299) throw statusError(text, statusCode);
    // The shape is the server's promise.
    return JSON.parse(text) as T;
  }

  /** The events of a watch until the server ends it. @throws PodError; `data.reason` is "Expired" on 410. */
  async *watch<T>(
    path: string,
    query: NonNullable<RequestOptions["query"]>,
    signal: AbortSignal,
  ): AsyncGenerator<ServerEvent<T>, void, void> {
    const options = { query: { ...query, watch: true }, signal };
    const response = await this.#send("GET", path, options, this.#watchAgent);
    const { statusCode = 0 } = response;
    if (statusCode !== 200) throw statusError(await readText(response), statusCode);
    this.#watches.add(response);
    try {
      for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
        if (line === "") continue;
        const event = JSON.parse(line) as ServerEvent<T> | { type: "ERROR"; object: Status };
        if (event.type === "ERROR") throw errorOf(event.object, event.object.code ?? 500);
        yield event;
      }
    } catch (error) {
      throw connectionError(error);
    } finally {
      this.#watches.delete(response);
      response.destroy();
    }
  }

  /** Ends every connection: none of them leads anywhere any more. */
  dropConnections(): void {
    for (const watch of this.#watches) watch.destroy(new Error("The API server does not answer"));
    this.#agent.destroy();
    this.#watchAgent.destroy();
  }

  [Symbol.dispose](): void {
    this.dropConnections();
  }

  async #send(
    method: Method,
    path: string,
    { query = {}, body, contentType = "application/json", signal }: RequestOptions,
    agent = this.#agent,
  ): Promise<IncomingMessage> {
    const { server, token } = this.#access;
    const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, String(value));
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const send = url.protocol === "http:" ? requestPlain : requestTls;
    const request = send(
      url,
      {
        agent,
        method,
        headers: {
          accept: "application/json",
          ...(payload && { "content-type": contentType, "content-length": payload.length }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        ...(signal !== undefined && { signal }),
      },
      resolve,
    );
    request.once("error", reject);
    request.end(payload);
    try {
      return await promise;
    } catch (error) {
      throw connectionError(error);
    }
  }
}

/** Connections that outlive a request. */
function newAgent(access: Access, maxSockets: number): HttpAgent {
  const options = { keepAlive: true, keepAliveMsecs: keepAliveMs, maxSockets };
  const { server, authority, certificate, key, serverName } = access;
  if (server.protocol === "http:") return new HttpAgent(options);
  return new HttpsAgent({
    ...options,
    minVersion: "TLSv1.2",
    ...(authority !== undefined && { ca: authority }),
    ...(certificate !== undefined && key !== undefined && { cert: certificate, key }),
    ...(serverName !== undefined && { servername: serverName }),
  });
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of response) chunks.push(chunk as Buffer);
  } catch (error) {
    throw connectionError(error);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** The error that an answer with a failure status carries. */
export function statusError(text: string, code: number): PodError {
  try {
    return errorOf(JSON.parse(text) as Status, code);
  } catch {
    // No JSON: whatever it says is the best sentence there is.
    return errorOf({ message: text.trim() }, code);
  }
}

function errorOf({ message, reason = "" }: Status, code: number): PodError {
  const isExpired = code === 410 || reason === "Expired" || reason === "Gone";
  const known = code === 404 ? "NotFound" : kindOfReason(reason);
  const kind = known === "Internal" && code >= 502 ? "Unavailable" : known;
  return new PodError(
    isExpired ? "FailedPrecondition" : kind,
    message || `The API server answered with HTTP status ${code}`,
    { data: { code, ...(isExpired && { reason: "Expired" }) } },
  );
}

function connectionError(error: unknown): PodError {
  if (error instanceof PodError) return error;
  const message = `Lost the API server: ${messageOf(error)}`;
  return new PodError("Unavailable", message, { cause: error });
}
