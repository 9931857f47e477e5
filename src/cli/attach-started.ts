/** The streams of a container that is about to start: `debug`, and `run -i`. */
import { isPodError, PodError } from "../base/errors.ts";
import type { ContainerStatus, Pod } from "../spec/pod.ts";
import { attachContainer, type SessionOptions } from "./commands/exec.ts";
import { type Context, podsPath } from "./context.ts";
import { followPod } from "./follow-pod.ts";
import { hasEnded, isHopeless } from "./pod-outcome.ts";

/**
 * Waits until a container has started and attaches to it; one that has ended by then says what its log holds.
 * @returns the exit code of the container.
 * @throws PodError FailedPrecondition when it cannot start.
 */
export async function attachStarted(
  context: Context,
  pod: Pod,
  container: string,
  streams: Pick<SessionOptions, "stdin" | "tty">,
): Promise<number> {
  const { client, screen } = context;
  const { namespace, name } = pod.metadata;
  const started = await untilStarted(context, pod, container);
  if (started.state?.running !== undefined) {
    try {
      return await attachContainer(context, name, { container, ...streams });
    } catch (error) {
      // It ended in the meantime, and its log has all that it said.
      if (!isPodError(error, "FailedPrecondition") && !isPodError(error, "NotFound")) throw error;
    }
  }
  const path = podsPath(namespace, name);
  const log = await client.stream("GET", `${path}/log`, { query: { container } });
  for await (const chunk of log) {
    if (!screen.write(chunk as Uint8Array)) await screen.drained();
  }
  const ended = statusOf(await client.json<Pod>("GET", path), container);
  return ended?.state?.terminated?.exitCode ?? 1;
}

async function untilStarted(
  { client, screen }: Context,
  pod: Pod,
  container: string,
): Promise<ContainerStatus> {
  let told = "";
  const look = (now: Pod): ContainerStatus | undefined => {
    const status = statusOf(now, container);
    if (status?.state?.running !== undefined || status?.state?.terminated !== undefined) {
      return status;
    }
    const { reason = "", message = "" } = status?.state?.waiting ?? {};
    if (isHopeless(reason)) {
      throw new PodError(
        "FailedPrecondition",
        `Container "${container}" of pod "${pod.metadata.name}" cannot start: ${reason}: ${message}`,
      );
    }
    if (message !== "" && message !== told) {
      told = message;
      screen.remark(`Waiting for container "${container}": ${reason}: ${message}`);
    }
    return undefined;
  };
  const first = look(pod);
  if (first !== undefined) return first;
  for await (const now of followPod(client, pod, new AbortController().signal)) {
    const status = look(now);
    if (status !== undefined) return status;
    if (hasEnded(now)) break;
  }
  throw new PodError(
    "FailedPrecondition",
    `Container "${container}" did not start: pod "${pod.metadata.name}" has ended`,
  );
}

function statusOf({ status }: Pod, container: string): ContainerStatus | undefined {
  const { containerStatuses = [], ephemeralContainerStatuses = [] } = status ?? {};
  return [...containerStatuses, ...ephemeralContainerStatuses].find(
    ({ name }) => name === container,
  );
}
