/**
 * Runs a postStart or preStop hook to its end; how long it may take is the caller's, by `signal`.
 *
 * As with the kubelet an HTTP answer of any status is a success: it is the request that a hook is for.
 * Source: Kubernetes "Container Lifecycle Hooks"; kubelet pkg/kubelet/lifecycle/handlers.go.
 */
import type { Clock } from "../base/clock.ts";
import { isPodError, messageOf, PodError } from "../base/errors.ts";
import type { HTTPGetAction, LifecycleHandler } from "../spec/pod.ts";
import { httpGet } from "./dial-http.ts";
import { resolvePort } from "./probe-port.ts";
import type { HandlerTarget } from "./probe-target.ts";

/**
 * @throws PodError FailedPrecondition with the kubelet's sentence when the hook failed; the reason of `signal` when
 * that was aborted: a command's processes are dead then.
 */
export async function runHandler(
  handler: LifecycleHandler,
  target: HandlerTarget,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  if (handler.exec) return runExec(handler.exec.command ?? [], target, signal);
  if (handler.httpGet) return runHttp(handler.httpGet, target, signal);
  if (handler.sleep) return sleep(clock, 1000 * handler.sleep.seconds, signal);
  // tcpSocket: deprecated, never did anything for hooks; the door warns about it.
}

async function runExec(
  command: readonly string[],
  target: HandlerTarget,
  signal: AbortSignal,
): Promise<void> {
  const fail = (why: string, output: string, cause?: unknown): PodError =>
    failure(`Exec lifecycle hook ([${command.join(" ")}])`, target, {
      why: `${why}, message: ${JSON.stringify(output)}`,
      cause,
    });
  let result: { readonly exitCode: number; readonly output: string };
  try {
    result = await target.exec(command, { timeoutMs: 0, signal });
  } catch (error) {
    if (signal.aborted) throw error;
    throw fail(messageOf(error), "", error);
  }
  const { exitCode, output } = result;
  if (exitCode !== 0) {
    throw fail(`command '${command.join(" ")}' exited with ${exitCode}: ${output}`, output);
  }
}

async function runHttp(
  action: HTTPGetAction,
  target: HandlerTarget,
  signal: AbortSignal,
): Promise<void> {
  const { address, container } = target;
  try {
    const port = action.port === "" ? 80 : resolvePort(action.port, container);
    const get = { action, address, port, agent: "lifecycle" } as const;
    try {
      await httpGet(get, signal);
    } catch (error) {
      // Hooks used to be asked without TLS whatever the manifest said: such servers still get their request.
      if (!isPodError(error) || error.data["isPlainHttp"] !== true) throw error;
      await httpGet({ ...get, action: { ...action, scheme: "HTTP" } }, signal);
    }
  } catch (error) {
    if (signal.aborted) throw error;
    throw failure(`HTTP lifecycle hook (${action.path ?? "/"})`, target, {
      why: messageOf(error),
      cause: error,
    });
  }
}

async function sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    await promise;
  } finally {
    cancel();
    signal.removeEventListener("abort", onAbort);
  }
}

function failure(
  what: string,
  { pod, container }: HandlerTarget,
  { why, cause }: { readonly why: string; readonly cause: unknown },
): PodError {
  const { name, namespace, uid } = pod.metadata;
  const where = `for Container "${container.name}" in Pod "${name}_${namespace}(${uid})"`;
  return new PodError("FailedPrecondition", `${what} ${where} failed - error: ${why}`, {
    ...(cause === undefined ? {} : { cause }),
  });
}
