/**
 * A TCP connection from the daemon, and what went wrong in the words of Go, which people know from events.
 * Source: kubelet pkg/probe/tcp; Go package net, type OpError.
 */
import { connect, type Socket } from "node:net";
import { PodError } from "../base/errors.ts";
import { isExpired } from "./probe-deadline.ts";

/** "host:port", with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * @returns a connected socket; the caller destroys it.
 * @throws PodError DeadlineExceeded or Unavailable: "dial tcp 10.0.0.5:80: connect: connection refused";
 * the reason of `signal` when that was aborted for anything but time.
 */
export async function dialTcp(host: string, port: number, signal: AbortSignal): Promise<Socket> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ host, port, noDelay: true });
  const onAbort = (): void => {
    const timeout = `dial tcp ${hostPort(host, port)}: i/o timeout`;
    reject(isExpired(signal) ? new PodError("DeadlineExceeded", timeout) : signal.reason);
  };
  const onError = (cause: Error): void => reject(dialFailure(cause, host, port));
  signal.addEventListener("abort", onAbort, { once: true });
  socket.once("connect", resolve).once("error", onError);
  try {
    await promise;
    // Whoever uses the socket hears of errors by "close"; one that nobody listens to would end the daemon.
    socket.on("error", () => undefined);
    return socket;
  } catch (error) {
    socket.on("error", () => undefined).destroy();
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
    socket.off("connect", resolve).off("error", onError);
  }
}

function dialFailure(cause: Error, host: string, port: number): PodError {
  const code = errorCode(cause);
  const message =
    code === "ENOTFOUND" || code === "EAI_AGAIN"
      ? `dial tcp: lookup ${host}: no such host`
      : `dial tcp ${hostPort(host, port)}: connect: ${errnoText(cause)}`;
  return new PodError("Unavailable", message, { cause });
}

/** strerror(3) of what a socket reports, as Go prints it. */
const errnoTexts: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EADDRNOTAVAIL: "cannot assign requested address",
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  EPERM: "operation not permitted",
  EPIPE: "broken pipe",
  ETIMEDOUT: "connection timed out",
};

/** The system's sentence of a socket's error. */
export function errnoText(error: Error): string {
  return errnoTexts[errorCode(error)] ?? error.message;
}

function errorCode(error: Error): string {
  // Several addresses of one name: what the first one said.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  return first instanceof Error && "code" in first ? String(first.code) : "";
}
