/**
 * HTTP to the daemon over its unix socket. One connection is kept for the next request; streams
 * (watch, logs, archives) have their own. Nobody listening is a state to mend, not an error: the
 * client calls `start` once and tries again, so a running daemon costs no extra round trip.
 *
 * Errors of the daemon are Kubernetes Status objects and come out as the PodError that made them.
 */
import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from "node:http";
import type { Readable } from "node:stream";
import { hasCode, isPodError, kindOfReason, PodError } from "../base/errors.ts";
import { formatQuery, type Query } from "../base/format-query.ts";
import { readJsonLines } from "./json-lines.ts";

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of `body`; default `application/json`. */
  readonly contentType?: string;
  /** Sent as it is, chunked; never together with `body`. */
  readonly content?: Readable;
  readonly signal?: AbortSignal;
}

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK";
  readonly object: T;
}

export interface ApiClientOptions {
  readonly socketPath: string;
  /** Makes somebody listen; absent: nobody listening is an error. */
  readonly start?: () => Promise<void>;
  /** Takes what the daemon warns of in an answer; default: nobody hears it. */
  readonly onWarning?: (warning: string) => void;
}

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

// A name for TLS, which a unix socket has not: to find one, the agent would try whether the host is an IPv6 address,
// and compiling that pattern takes 5 ms.
const agentOptions = { keepAlive: true, servername: "" };

export class ApiClient {
  readonly socketPath: string;
  readonly #agent = new Agent(agentOptions);
  readonly #start: (() => Promise<void>) | undefined;
  readonly #onWarning: (warning: string) => void;

  constructor({ socketPath, start, onWarning }: ApiClientOptions) {
    this.socketPath = socketPath;
    this.#start = start;
    this.#onWarning = onWarning ?? (() => undefined);
  }

  /** The JSON answer of a request. The shape is the daemon's promise; T is not checked again. */
  async json<T>(method: Method, path: string, options: RequestOptions = {}): Promise<T> {
    return JSON.parse(await this.text(method, path, options)) as T;
  }

  async text(method: Method, path: string, options: RequestOptions = {}): Promise<string> {
    return await readText(await this.stream(method, path, options));
  }

  /**
   * Sends a request and gives the body of the answer as a stream.
   * @throws PodError of the daemon; Unavailable when it cannot be reached.
   */
  async stream(
    method: Method,
    path: string,
    options: RequestOptions = {},
  ): Promise<IncomingMessage> {
    // A stream can be sent once only, so the daemon must be there before it is touched.
    if (options.content !== undefined) await this.text("GET", "/healthz");
    const response = await this.whenListening(() => this.#send(method, path, options));
    const status = response.statusCode ?? 0;
    for (const warning of warningsOfHeader(response.headers["warning"])) this.#onWarning(warning);
    if (status >= 200 && status < 300) return response;
    throw statusError(await readText(response), status);
  }

  /** Runs `connect`, and once more after starting the daemon when nobody listens. */
  async whenListening<T>(connect: () => Promise<T>): Promise<T> {
    try {
      return await connect();
    } catch (error) {
      if (!isNobodyListening(error)) throw connectionError(error, this.socketPath);
      if (this.#start === undefined) {
        throw new PodError("Unavailable", `No daemon listens on "${this.socketPath}"`);
      }
    }
    await this.#start();
    try {
      return await connect();
    } catch (error) {
      throw connectionError(error, this.socketPath);
    }
  }

  /**
   * The events of a watch until the daemon ends it or `signal` fires.
   * @throws PodError; data.reason "Expired" when the revision is too old.
   */
  async *watch<T>(
    path: string,
    query: Query,
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    try {
      const response = await this.stream("GET", path, {
        query: { ...query, watch: true },
        signal,
      });
      for await (const line of readJsonLines(response)) {
        const event = line as WatchEvent<T> | { readonly type: "ERROR"; readonly object: Status };
        if (event.type === "ERROR") throw errorOfStatus(event.object, 500);
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      throw connectionError(error, this.socketPath);
    }
  }

  /** Closes what is idle, so that the process can end. */
  close(): void {
    this.#agent.destroy();
  }

  #send(
    method: Method,
    path: string,
    { query, body, contentType = "application/json", content, signal }: RequestOptions,
  ): Promise<IncomingMessage> {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers: OutgoingHttpHeaders = {
      host: "nspod",
      accept: "application/json",
      ...(payload && { "content-type": contentType, "content-length": payload.length }),
      ...(content && { "content-type": "application/octet-stream" }),
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const outgoing = request(
      {
        socketPath: this.socketPath,
        agent: this.#agent,
        method,
        path: path + formatQuery(query ?? {}),
        headers,
        ...(signal !== undefined && { signal }),
      },
      resolve,
    );
    outgoing.once("error", reject);
    if (content === undefined) {
      outgoing.end(payload);
    } else {
      content.once("error", (error) => outgoing.destroy(error));
      content.pipe(outgoing);
    }
    return promise;
  }
}

/** The texts of `299 - "text", 299 - "text"`. RFC 9111 had the field until 2022, Kubernetes has it still. */
export function warningsOfHeader(header: string | readonly string[] | undefined): string[] {
  const text = typeof header === "string" ? header : (header ?? []).join(", ");
  return [...text.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, quoted = ""]) =>
    quoted.replace(/\\(.)/g, "$1"),
  );
}

/** Whether nobody listens on the socket: no file, or a file that a dead daemon left. */
export function isNobodyListening(error: unknown): boolean {
  return hasCode(error, "ENOENT", "ECONNREFUSED");
}

/** Whether the daemon went away in the middle: it may be asked again. */
export function isLostConnection(error: unknown): boolean {
  return isPodError(error, "Unavailable");
}

interface Status {
  readonly message?: string;
  readonly reason?: string;
  readonly code?: number;
  readonly details?: { readonly data?: Readonly<Record<string, unknown>> };
}

/** The error that an HTTP answer with a failure status carries. */
export function statusError(text: string, httpStatus: number): PodError {
  let status: Status = {};
  try {
    status = JSON.parse(text) as Status;
  } catch {
    // Not JSON: whatever it says is the best sentence there is.
    status = { message: text.trim() };
  }
  return errorOfStatus(status, httpStatus);
}

function errorOfStatus(status: Status, httpStatus: number): PodError {
  const { message, reason = "", details } = status;
  const isExpired = reason === "Expired" || httpStatus === 410;
  return new PodError(
    isExpired ? "FailedPrecondition" : kindOfReason(reason),
    message || `The daemon answered with HTTP status ${httpStatus}`,
    { data: { ...details?.data, ...(isExpired && { reason: "Expired" }) } },
  );
}

function connectionError(error: unknown, socketPath: string): unknown {
  if (error instanceof PodError) return error;
  if (hasCode(error, "EACCES", "EPERM")) {
    return new PodError("PermissionDenied", "nspod needs root: run it with sudo", { cause: error });
  }
  if (
    isNobodyListening(error) ||
    hasCode(error, "ECONNRESET", "EPIPE", "ERR_STREAM_PREMATURE_CLOSE")
  ) {
    const why = error instanceof Error ? error.message : String(error);
    return new PodError("Unavailable", `Lost the daemon on "${socketPath}": ${why}`, {
      cause: error,
    });
  }
  return error;
}

async function readText(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
