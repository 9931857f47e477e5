/**
 * gRPC probes: one call of grpc.health.v1.Health/Check over cleartext HTTP/2, from the daemon.
 * Source: kubelet pkg/probe/grpc; grpc/grpc "GRPC over HTTP/2" for headers, trailers and status codes.
 */
import type { ClientHttp2Session, IncomingHttpHeaders, IncomingHttpStatusHeader } from "node:http2";
import { messageOf, PodError } from "../base/errors.ts";
import { kubernetesVersion } from "./dial-http.ts";
import { dialTcp, hostPort } from "./dial-tcp.ts";
import { decodeHealthStatus, encodeHealthRequest } from "./grpc-health.ts";
import { isExpired } from "./probe-deadline.ts";

export interface HealthCheck {
  readonly host: string;
  readonly port: number;
  /** "" for the server as a whole. */
  readonly service: string;
  /** For the sentences; `signal` is what ends the call. */
  readonly timeoutMs: number;
}

const codeNames = [
  "OK",
  "Canceled",
  "Unknown",
  "InvalidArgument",
  "DeadlineExceeded",
  "NotFound",
  "AlreadyExists",
  "PermissionDenied",
  "ResourceExhausted",
  "FailedPrecondition",
  "Aborted",
  "OutOfRange",
  "Unimplemented",
  "Internal",
  "Unavailable",
  "DataLoss",
  "Unauthenticated",
] as const;

/** What an answer without gRPC status means, by HTTP status ("HTTP to gRPC Status Code Mapping"). */
const httpCodes: Readonly<Record<number, number>> = {
  400: 13,
  401: 16,
  403: 7,
  404: 12,
  429: 14,
  502: 14,
  503: 14,
  504: 14,
};

/** More than any response of the service; an endless one is cut off here. */
const maxResponseBytes = 64 * 1024;

/**
 * Resolves when the service says SERVING.
 * @throws PodError with the kubelet's sentence in every other case; the reason of `signal` when that was aborted for
 * anything but time.
 */
export async function checkHealth(check: HealthCheck, signal: AbortSignal): Promise<void> {
  const { host, port, service, timeoutMs } = check;
  const address = hostPort(host, port);
  const within = seconds(timeoutMs);
  const socket = await dialTcp(host, port, signal).catch((error: unknown) => {
    if (signal.aborted && !isExpired(signal)) throw error;
    throw unhealthy(
      isExpired(signal)
        ? `timeout: failed to connect service "${address}" within ${within}: context deadline exceeded`
        : `error: failed to connect service at "${address}": ${messageOf(error)}`,
      error,
    );
  });
  // Loaded on first use: HTTP/2 costs a start 5 ms.
  const { connect } = await import("node:http2");
  const session = connect(`http://${address}`, { createConnection: () => socket });
  try {
    const status = await callCheck(session, { address, service, signal });
    if (status !== "SERVING") throw unhealthy(`service unhealthy (responded with "${status}")`);
  } catch (error) {
    if (signal.aborted && !isExpired(signal)) throw signal.reason;
    if (isExpired(signal)) {
      throw unhealthy(`timeout: health rpc did not complete within ${within}`, error);
    }
    throw error instanceof PodError ? error : rpcError(14, messageOf(error), error);
  } finally {
    session.destroy();
    socket.destroy();
  }
}

interface Call {
  readonly address: string;
  readonly service: string;
  readonly signal: AbortSignal;
}

type AnswerHeaders = IncomingHttpHeaders & IncomingHttpStatusHeader;

async function callCheck(
  session: ClientHttp2Session,
  { address, service, signal }: Call,
): Promise<string> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const fail = (cause: Error): void =>
    reject(rpcError(14, `connection error: ${cause.message}`, cause));
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  session.on("error", fail);
  session.on("close", () => fail(new Error("the server closed the connection")));
  const stream = session.request({
    ":method": "POST",
    ":scheme": "http",
    ":authority": address,
    ":path": "/grpc.health.v1.Health/Check",
    "content-type": "application/grpc",
    "user-agent": `kube-probe/${kubernetesVersion}`,
    te: "trailers",
  });
  const pieces: Buffer[] = [];
  let length = 0;
  let headers: AnswerHeaders = {};
  let trailers: AnswerHeaders = {};
  stream.on("error", fail);
  stream.on("response", (received) => {
    headers = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.on("data", (piece: Buffer) => {
    length += piece.length;
    if (length > maxResponseBytes) reject(rpcError(8, "the response is too long"));
    else pieces.push(piece);
  });
  // Not "end": trailers may come after it.
  stream.on("close", () => {
    try {
      resolve(healthOf({ ...headers, ...trailers }, Buffer.concat(pieces)));
    } catch (error) {
      reject(error);
    }
  });
  stream.end(encodeHealthRequest(service));
  try {
    return await promise;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** @param headers - of the response, with its trailers. */
function healthOf(headers: AnswerHeaders, body: Buffer): string {
  const given = headers["grpc-status"];
  if (given === undefined) {
    const status = headers[":status"] ?? 0;
    throw rpcError(
      httpCodes[status] ?? 2,
      `unexpected HTTP status code received from server: ${status}`,
    );
  }
  if (given !== "0") throw rpcError(Number(given), decodeMessage(headers["grpc-message"]));
  try {
    return decodeHealthStatus(body);
  } catch (error) {
    throw rpcError(13, messageOf(error), error);
  }
}

/** grpc-message is percent-encoded UTF-8; a broken one is shown as it is. */
function decodeMessage(text: string | string[] | undefined): string {
  const message = String(text ?? "");
  try {
    return decodeURIComponent(message);
  } catch {
    // URIError: no valid encoding.
    return message;
  }
}

function rpcError(code: number, description: string, cause?: unknown): PodError {
  const name = codeNames[code] ?? `Code(${code})`;
  if (name === "Unimplemented") {
    return unhealthy(
      `error: this server does not implement the grpc health protocol (grpc.health.v1.Health): ${description}`,
      cause,
    );
  }
  return unhealthy(
    `error: health rpc probe failed: rpc error: code = ${name} desc = ${description}`,
    cause,
  );
}

function unhealthy(message: string, cause?: unknown): PodError {
  return new PodError("Unavailable", message, cause === undefined ? {} : { cause });
}

/** A duration as Go prints it: 1s, 1m30s. */
function seconds(ms: number): string {
  const total = ms / 1000;
  const minutes = Math.floor(total / 60);
  return minutes === 0 ? `${total}s` : `${minutes}m${total % 60}s`;
}
