/**
 * Asks a probe once and says what the kubelet would: nothing of it runs in the container but exec.
 * Source: kubelet pkg/kubelet/prober/prober.go and pkg/probe.
 */
import type { Clock } from "../base/clock.ts";
import { isPodError, messageOf, PodError } from "../base/errors.ts";
import type { Probe } from "../spec/pod.ts";
import { checkHealth } from "./dial-grpc.ts";
import { httpGet } from "./dial-http.ts";
import { dialTcp } from "./dial-tcp.ts";
import { startDeadline } from "./probe-deadline.ts";
import { resolvePort } from "./probe-port.ts";
import type { HandlerTarget } from "./probe-target.ts";

export interface Answer {
  /** "warning" is a success that people should look at; "error": nobody could ask, which counts as no answer. */
  readonly verdict: "success" | "warning" | "failure" | "error";
  readonly message: string;
}

export interface AskOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** @throws the reason of `signal` when it is aborted. */
export async function askProbe(
  probe: Probe,
  target: HandlerTarget,
  { clock, signal: outer }: AskOptions,
): Promise<Answer> {
  const timeoutMs = 1000 * (probe.timeoutSeconds ?? 1);
  if (probe.exec) return askCommand(probe.exec.command ?? [], target, timeoutMs, outer);
  using deadline = startDeadline(clock, timeoutMs, outer);
  const { signal } = deadline;
  try {
    return await dial(probe, target, signal);
  } catch (error) {
    if (outer.aborted) throw error;
    if (isPodError(error, "NotFound")) return { verdict: "error", message: error.message };
    return { verdict: "failure", message: messageOf(error) };
  }
}

async function dial(probe: Probe, target: HandlerTarget, signal: AbortSignal): Promise<Answer> {
  const { container, address } = target;
  const { httpGet: action, tcpSocket, grpc, timeoutSeconds = 1 } = probe;
  if (action) {
    const port = resolvePort(action.port, container);
    const { status, body } = await httpGet({ action, address, port, agent: "probe" }, signal);
    if (status >= 200 && status < 300) return { verdict: "success", message: body };
    if (status >= 300 && status < 400) {
      return {
        verdict: "warning",
        message: `Probe terminated redirects, Response body: ${body}`,
      };
    }
    return { verdict: "failure", message: `HTTP probe failed with statuscode: ${status}` };
  }
  if (tcpSocket) {
    const port = resolvePort(tcpSocket.port, container);
    const socket = await dialTcp(tcpSocket.host || address, port, signal);
    socket.destroy();
    return { verdict: "success", message: "" };
  }
  if (grpc) {
    const { port, service = "" } = grpc;
    await checkHealth({ host: address, port, service, timeoutMs: 1000 * timeoutSeconds }, signal);
    return { verdict: "success", message: "service healthy" };
  }
  throw new PodError("NotFound", `missing probe handler for container ${container.name}`);
}

async function askCommand(
  command: readonly string[],
  { exec }: HandlerTarget,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<Answer> {
  try {
    const { exitCode, output } = await exec(command, { timeoutMs, signal });
    return { verdict: exitCode === 0 ? "success" : "failure", message: output };
  } catch (error) {
    if (signal.aborted) throw error;
    const isTimeout = isPodError(error, "DeadlineExceeded");
    return { verdict: isTimeout ? "failure" : "error", message: messageOf(error) };
  }
}
