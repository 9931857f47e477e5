/**
 * httpGet of probes and hooks, from the daemon: the container needs neither a shell nor curl.
 *
 *   resolve → connect (→ TLS without verification) → GET → status, at most 10 KiB of body → destroy
 *                ▲                                    │
 *                └── redirect to the same host, 10 at most; to another one it is the answer
 *
 * Every request has a connection of its own that ends with it. Errors read as the kubelet's: `Get "URL": …`.
 * Source: kubelet pkg/probe/http; Kubernetes API reference, HTTPGetAction.
 */
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { messageOf, PodError } from "../base/errors.ts";
import type { HTTPGetAction } from "../spec/pod.ts";
import { dialTcp, errnoText, hostPort } from "./dial-tcp.ts";
import { isExpired } from "./probe-deadline.ts";

export interface HttpGet {
  readonly action: HTTPGetAction;
  /** Of the pod; `action.host` wins. */
  readonly address: string;
  readonly port: number;
  /** What User-Agent says: kube-probe or kube-lifecycle. */
  readonly agent: "probe" | "lifecycle";
}

export interface HttpAnswer {
  readonly status: number;
  /** The first 10 KiB. */
  readonly body: string;
}

/** The version of Kubernetes whose behaviour this is, in User-Agent. */
export const kubernetesVersion = "1.36";

const maxBodyBytes = 10 * 1024;
const maxRedirects = 10;
const maxHeaderBytes = 64 * 1024;
const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/**
 * @throws PodError DeadlineExceeded or Unavailable: `Get "http://10.0.0.5:80/": EOF`; the reason of `signal` when that
 * was aborted for anything but time.
 */
export async function httpGet(options: HttpGet, signal: AbortSignal): Promise<HttpAnswer> {
  const { action, address, port } = options;
  const host = action.host || address;
  const scheme = (action.scheme ?? "HTTP").toLowerCase();
  const authority = hostPort(host, port);
  let target: Target = {
    isTls: scheme === "https",
    host,
    port,
    path: requestPath(action.path ?? "/"),
    url: `${scheme}://${authority}${requestPath(action.path ?? "/")}`,
    headers: requestHeaders(action, authority, options.agent),
  };
  for (let hops = 0; ; hops++) {
    const response = await attempt(target, () => get(target, signal), signal);
    const location = redirects.has(response.status) ? response.location : undefined;
    const next = location === undefined ? undefined : redirected(target, location);
    if (next === undefined) return response;
    if (hops === maxRedirects - 1) throw failed(next, `stopped after ${maxRedirects} redirects`);
    target = next;
  }
}

interface Target {
  readonly isTls: boolean;
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** For people. */
  readonly url: string;
  readonly headers: ReadonlyMap<string, readonly [name: string, values: readonly string[]]>;
}

interface Response extends HttpAnswer {
  readonly location: string | undefined;
}

/**
 * The path as it goes over the line. Like the kubelet it takes what a URL would hold: scheme and host in front and a
 * fragment behind are dropped, what is no URL character is percent-encoded.
 */
export function requestPath(path: string): string {
  const relative = path
    .replace(/^[A-Za-z][A-Za-z0-9+.-]*:(?=\/\/)/, "")
    .replace(/^\/\/[^/?#]*/, "");
  const [plain = ""] = relative.split("#", 1);
  const rooted = plain.startsWith("/") ? plain : `/${plain}`;
  // Lone surrogates cannot be encoded.
  return rooted.toWellFormed().replace(/[^\x21-\x7e]|["<>\\^`{|}]/gu, encodeURIComponent);
}

/** Names in the order given, each with its values; by lower-case name. */
function requestHeaders(
  { httpHeaders = [] }: HTTPGetAction,
  authority: string,
  agent: HttpGet["agent"],
): Target["headers"] {
  const headers = new Map<string, readonly [string, readonly string[]]>();
  for (const { name, value } of httpHeaders) {
    const [first = name, values = []] = headers.get(name.toLowerCase()) ?? [];
    headers.set(name.toLowerCase(), [first, [...values, value]]);
  }
  const host = headers.get("host")?.[1][0];
  headers.set("host", ["Host", [host || authority]]);
  const own = { "user-agent": `kube-${agent}/${kubernetesVersion}`, accept: "*/*" };
  for (const [name, value] of Object.entries(own)) {
    const given = headers.get(name)?.[1][0];
    if (given === "") headers.delete(name);
    else if (given === undefined)
      headers.set(name, [name === "accept" ? "Accept" : "User-Agent", [value]]);
  }
  headers.set("connection", ["Connection", ["close"]]);
  return headers;
}

/** Where a redirect leads; undefined when it leads to another host, which is not followed. */
function redirected(from: Target, location: string): Target | undefined {
  const base = `${from.isTls ? "https" : "http"}://${hostPort(from.host, from.port)}${from.path}`;
  const url = URL.canParse(location, base) ? new URL(location, base) : undefined;
  if (url === undefined) throw failed(from, `failed to parse Location header "${location}"`);
  if (url.hostname !== new URL(base).hostname) return undefined;
  const isTls = url.protocol === "https:";
  if (!isTls && url.protocol !== "http:") {
    throw failed({ url: url.href }, `unsupported protocol scheme "${url.protocol.slice(0, -1)}"`);
  }
  const headers = new Map(from.headers);
  // A Host of the manifest survives a relative redirect only.
  if (URL.canParse(location)) headers.set("host", ["Host", [url.host]]);
  return {
    isTls,
    host: from.host,
    port: url.port === "" ? (isTls ? 443 : 80) : Number(url.port),
    path: url.pathname + url.search,
    url: url.href,
    headers,
  };
}

async function get(target: Target, signal: AbortSignal): Promise<Response> {
  const { isTls, host, port, path, headers } = target;
  const plain = await dialTcp(host, port, signal);
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const onAbort = (): void => {
    const timeout = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
    reject(isExpired(signal) ? new PodError("DeadlineExceeded", timeout) : signal.reason);
  };
  // It may be rejected while TLS is being loaded, when nobody waits for it yet.
  promise.catch(() => undefined);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    const socket = isTls ? await withTls(plain, target, reject) : plain;
    const asked = request({
      method: "GET",
      path,
      headers: Object.fromEntries(
        [...headers.values()].map(([name, values]) => [name, [...values]]),
      ),
      setHost: false,
      maxHeaderSize: maxHeaderBytes,
      createConnection: () => socket,
    });
    asked.on("error", (cause) => reject(responseFailure(cause, target)));
    asked.on("response", (response) => readBody(response, resolve, reject));
    asked.end();
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
    plain.destroy();
  }
}

/** Probes verify no certificate: they ask whether the server answers. Node's TLS is loaded on first use. */
async function withTls(
  socket: Socket,
  { host }: Target,
  onError: (error: unknown) => void,
): Promise<Socket> {
  const { connect } = await import("node:tls");
  const { isIP } = await import("node:net");
  const servername = isIP(host) === 0 ? { servername: host } : {};
  const secure = connect({ socket, rejectUnauthorized: false, ...servername });
  secure.on("error", (cause: Error) => {
    const reason = tlsReason(cause);
    const isPlainHttp = reason === "wrong version number";
    const message = isPlainHttp
      ? "http: server gave HTTP response to HTTPS client"
      : `remote error: tls: ${reason}`;
    onError(new PodError("Unavailable", message, { cause, data: { isPlainHttp } }));
  });
  return secure;
}

/** OpenSSL's reason out of "… EPROTO 400D…:error:0A00010B:SSL routines:function:reason:file.c:77:". */
function tlsReason({ message }: Error): string {
  return /:error:[^:]*:[^:]*:[^:]*:([^:]+):/.exec(message)?.[1] ?? message;
}

function readBody(
  response: IncomingMessage,
  resolve: (response: Response) => void,
  reject: (error: unknown) => void,
): void {
  const pieces: Buffer[] = [];
  let length = 0;
  const finish = (): void => {
    resolve({
      status: response.statusCode ?? 0,
      body: Buffer.concat(pieces).subarray(0, maxBodyBytes).toString("utf8"),
      location: response.headers.location,
    });
    response.destroy();
  };
  response.on("data", (piece: Buffer) => {
    pieces.push(piece);
    length += piece.length;
    if (length >= maxBodyBytes) finish();
  });
  response.on("end", finish);
  response.on("error", (cause) => {
    reject(new PodError("Unavailable", "unexpected EOF", { cause }));
  });
}

function responseFailure(cause: Error, { host, port }: Target): PodError {
  const code = "code" in cause ? String(cause.code) : "";
  if (code.startsWith("HPE_")) {
    return new PodError("Unavailable", `net/http: malformed HTTP response: ${cause.message}`, {
      cause,
    });
  }
  // Node's words for a connection that ended without an answer.
  if (code === "ECONNRESET" && cause.message === "socket hang up") {
    return new PodError("Unavailable", "EOF", { cause });
  }
  const message = `read tcp ${hostPort(host, port)}: read: ${errnoText(cause)}`;
  return new PodError("Unavailable", message, { cause });
}

/** Puts the URL before what went wrong. */
async function attempt<T>(target: Target, work: () => Promise<T>, signal: AbortSignal): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (signal.aborted && !isExpired(signal)) throw signal.reason;
    throw failed(target, messageOf(error), error);
  }
}

function failed({ url }: Pick<Target, "url">, what: string, cause?: unknown): PodError {
  const kind = cause instanceof PodError ? cause.kind : "Unavailable";
  const data = cause instanceof PodError ? cause.data : {};
  return new PodError(kind, `Get "${url}": ${what}`, { cause, data });
}
