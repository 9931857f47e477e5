/** `nspod debug`: adds a container with an image of tools to a pod that runs, and attaches to it. */
import type { Pod } from "../../spec/pod.ts";
import { attachStarted } from "../attach-started.ts";
import { type Context, podsPath } from "../context.ts";
import { type DebugOptions, debugContainer, nameSuffix } from "../debug-container.ts";
import { podName } from "../object-arguments.ts";
import { patchTypes } from "../objects.ts";

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
  const { stdin = false, tty = false } = options;
  return await attachStarted(context, added, name, { stdin, tty });
}
