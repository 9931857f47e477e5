/** A probe in one line, as kubectl's describe writes it. Pure. */
import type { Probe } from "../spec/pod.ts";

export function describeProbe(probe: Probe): string {
  const { initialDelaySeconds = 0, timeoutSeconds = 1, periodSeconds = 10 } = probe;
  const { successThreshold = 1, failureThreshold = 3 } = probe;
  return [
    describeHandler(probe),
    `delay=${initialDelaySeconds}s`,
    `timeout=${timeoutSeconds}s`,
    `period=${periodSeconds}s`,
    `#success=${successThreshold}`,
    `#failure=${failureThreshold}`,
  ].join(" ");
}

function describeHandler({ exec, httpGet, tcpSocket, grpc }: Probe): string {
  if (exec) return `exec [${(exec.command ?? []).join(" ")}]`;
  if (httpGet) {
    const { scheme = "HTTP", host = "", port, path = "/" } = httpGet;
    return `http-get ${scheme.toLowerCase()}://${host}:${port}${path}`;
  }
  if (tcpSocket) return `tcp-socket ${tcpSocket.host ?? ""}:${tcpSocket.port}`;
  if (grpc) return `grpc <pod>:${grpc.port} ${grpc.service ?? ""}`.trimEnd();
  return "unknown";
}
