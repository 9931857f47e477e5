/**
 * Requests to the daemon over its unix socket. Nobody listening is a state to mend, not an error: the
 * client calls `start` once and tries again, so a running daemon costs no extra round trip.
 *
 * Errors of the daemon are Kubernetes Status objects and come out as the PodError that made them.
 */
import type { Readable } from "node:stream";
import { hasCode, isPodError, kindOfReason, PodError } from "../base/errors.ts";
import { formatQuery, type Query } from "../base/format-query.ts";
import { exchange, type HttpAnswer } from "./http-exchange.ts";
import { pour } from "./http-pour.ts";
import { readJsonLines } from "./json-lines.ts";

export interface RequestOptions {
  readonly query?: Query;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Of `body`; default `application/json`. */
  readonly contentType?: string;
  /** Besides our own. */
  readonly headers?: Readonly<Record<string, string>>;
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

const requestHeaders = { host: "nspod", accept: "application/json" };

export class ApiClient {
  readonly socketPath: string;
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
    const body = await this.stream(method, path, options);
    try {
      return await readText(body);
    } catch (error) {
      throw connectionError(error, this.socketPath);
    }
  }

  /**
   * Sends a request and gives the body of the answer as a stream.
   * @throws PodError of the daemon; Unavailable when it cannot be reached.
   */
  async stream(method: Method, path: string, options: RequestOptions = {}): Promise<Readable> {
    // A stream can be sent once only, so the daemon must be there before it is touched.
    if (options.content !== undefined) await this.text("GET", "/healthz");
    return (await this.ask(method, path, options)).body;
  }

  /**
   * The answer itself: 2xx, or 101 and the connection for another protocol.
   * @throws PodError as `stream` does.
   */
  async ask(method: Method, path: string, options: RequestOptions): Promise<HttpAnswer> {
    const answer = await this.#whenListening(() => this.#send(method, path, options));
    const { status, headers, body } = answer;
    this.#warn(headers);
    if (status === 101 || (status >= 200 && status < 300)) return answer;
    throw statusError(await readText(body), status);
  }

  /**
   * Hands over the body of a GET as it comes, for what goes somewhere else as it is.
   * @param take - gets each piece; its bytes change when the promise is fulfilled.
   * @throws as `stream` does, and what `take` throws.
   */
  async pour(
    path: string,
    query: Query,
    take: (bytes: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const request = {
      socketPath: this.socketPath,
      path: path + formatQuery(query),
      headers: requestHeaders,
      take,
    };
    const { status, headers, body } = await this.#whenListening(() => pour(request));
    this.#warn(headers);
    if (status >= 300) throw statusError(body.toString(), status);
  }

  /** Runs `connect`, and once more after starting the daemon when nobody listens. */
  async #whenListening<T>(connect: () => Promise<T>): Promise<T> {
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

  #warn(headers: HttpAnswer["headers"]): void {
    for (const warning of warningsOfHeader(headers.get("warning"))) this.#onWarning(warning);
  }

  async #send(
    method: Method,
    path: string,
    {
      query,
      body,
      contentType = "application/json",
      headers = {},
      content,
      signal,
    }: RequestOptions,
  ): Promise<HttpAnswer> {
    const payload = body === undefined ? content : Buffer.from(JSON.stringify(body));
    const type = content === undefined ? contentType : "application/octet-stream";
    return await exchange({
      socketPath: this.socketPath,
      method,
      path: path + formatQuery(query ?? {}),
      headers: {
        host: "nspod",
        accept: "application/json",
        ...(payload && { "content-type": type }),
        ...headers,
      },
      ...(payload && { body: payload }),
      signal,
    });
  }
}

/** The texts of `299 - "text", 299 - "text"`. RFC 9111 had the field until 2022, Kubernetes has it still. */
export function warningsOfHeader(header = ""): string[] {
  return [...header.matchAll(/\b299 \S+ "((?:[^"\\]|\\.)*)"/g)].map(([, quoted = ""]) =>
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

/** By its events: an iterator of a stream costs a command 1 ms. */
async function readText(stream: Readable): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  stream.once("error", reject);
  stream.once("end", () => resolve(Buffer.concat(chunks).toString("utf8")));
  return await promise;
}
