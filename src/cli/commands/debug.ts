/** `nspod debug`: adds a container with an image of tools to a pod that runs, and attaches to it. */
import { isPodError, PodError } from "../../base/errors.ts";
import type { ContainerStatus, Pod } from "../../spec/pod.ts";
import { type Context, podsPath } from "../context.ts";
import { type DebugOptions, debugContainer, nameSuffix } from "../debug-container.ts";
import { followPod } from "../follow-pod.ts";
import { podName } from "../object-arguments.ts";
import { patchTypes } from "../objects.ts";
import { attachContainer } from "./exec.ts";

export interface DebugCommandOptions extends DebugOptions {
  /** undefined: with --stdin. */
  readonly attach?: boolean;
  readonly quiet?: boolean;
}

/** @returns the exit code of the container when it was attached to, else 0. */
export async function debugPod(
  context: Context,
  word: string,
  command: readonly string[],
  options: DebugCommandOptions,
): Promise<number> {
  const { client, screen } = context;
  const path = podsPath(context.namespace, podName(word));
  const pod = await client.json<Pod>("GET", path);
  const container = debugContainer(pod, command, options, nameSuffix(Math.random));
  const { name } = container;
  const remark = (text: string): void => {
    if (!options.quiet) screen.remark(text);
  };
  if (options.target !== undefined) remark(`Targeting container "${options.target}".`);
  if (options.container === undefined) remark(`Defaulting debug container name to ${name}.`);
  const added = await client.json<Pod>("PATCH", `${path}/ephemeralcontainers`, {
    contentType: patchTypes.strategic,
    body: { spec: { ephemeralContainers: [container] } },
  });
  if (!(options.attach ?? options.stdin ?? false)) return 0;
  const started = await untilStarted(context, added, name);
  if (started.state?.running !== undefined) {
    try {
      const { stdin = false, tty = false } = options;
      return await attachContainer(context, word, { container: name, stdin, tty });
    } catch (error) {
      // It ended in the meantime, and its log has all that it said.
      if (!isPodError(error, "FailedPrecondition") && !isPodError(error, "NotFound")) throw error;
    }
  }
  const log = await client.stream("GET", `${path}/log`, { query: { container: name } });
  for await (const chunk of log) {
    if (!screen.write(chunk as Uint8Array)) await screen.drained();
  }
  const ended = statusOf(await client.json<Pod>("GET", path), name);
  return ended?.state?.terminated?.exitCode ?? 1;
}

/** @throws PodError FailedPrecondition when it cannot start. */
async function untilStarted(
  { client, screen }: Context,
  pod: Pod,
  name: string,
): Promise<ContainerStatus> {
  let told = "";
  const look = (now: Pod): ContainerStatus | undefined => {
    const status = statusOf(now, name);
    if (status?.state?.running !== undefined || status?.state?.terminated !== undefined) {
      return status;
    }
    const { reason = "", message = "" } = status?.state?.waiting ?? {};
    if (message !== "" && message !== told) {
      told = message;
      screen.remark(`Waiting for container "${name}": ${reason}: ${message}`);
    }
    return undefined;
  };
  const first = look(pod);
  if (first !== undefined) return first;
  for await (const now of followPod(client, pod, new AbortController().signal)) {
    const status = look(now);
    if (status !== undefined) return status;
    if (now.status?.phase === "Succeeded" || now.status?.phase === "Failed") break;
  }
  throw new PodError(
    "FailedPrecondition",
    `Container "${name}" did not start: pod "${pod.metadata.name}" has ended`,
  );
}

function statusOf({ status }: Pod, name: string): ContainerStatus | undefined {
  return status?.ephemeralContainerStatuses?.find((each) => each.name === name);
}
