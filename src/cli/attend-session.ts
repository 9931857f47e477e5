/**
 * The foreground of `nspod run -i`: the terminal, or the input, is the container's until it ends.
 *
 *   create ──▶ started ──▶ attach ──▶ ended ──▶ exit code of the container
 *                 │ cannot   │ Ctrl-P Ctrl-Q: 0     │ --rm: DELETE, wait until gone
 *                 └────────▶ DELETE ◀── Ctrl-C without a terminal of the container
 */
import { isPodError, PodError } from "../base/errors.ts";
import type { Pod } from "../spec/pod.ts";
import { attachStarted } from "./attach-started.ts";
import type { Create } from "./attend-pods.ts";
import type { Context } from "./context.ts";
import { removePod } from "./delete-pod.ts";
import { StopSignals } from "./stop-signals.ts";

/** What of the caller's the container gets. */
export interface SessionStreams {
  readonly stdin: boolean;
  readonly tty: boolean;
}

export interface SessionOfPod extends SessionStreams {
  /** `--rm`: the pod is deleted when the session has ended. */
  readonly isRemoved: boolean;
}

/**
 * @param create - creates one pod.
 * @returns the exit code for the process.
 */
export async function attendSession(
  context: Context,
  create: Create,
  { isRemoved, ...streams }: SessionOfPod,
): Promise<number> {
  using stop = new StopSignals(context);
  const [pod] = await create((made) => stop.add(made));
  const container = pod?.spec.containers[0]?.name;
  if (pod === undefined || container === undefined) {
    throw new PodError("Internal", "There is no container to attach to");
  }
  try {
    const code = await attachStarted(context, pod, container, streams);
    if (isRemoved || stop.wasReceived) await removePod(context.client, pod, undefined);
    else remarkOnRest(context, pod);
    return stop.exitCode ?? code;
  } catch (error) {
    if (!stop.wasReceived && !isPodError(error, "FailedPrecondition")) throw error;
    await removePod(context.client, pod, 0);
    if (stop.exitCode === undefined) throw error;
    return stop.exitCode;
  }
}

/** kubectl's words: the pod is still there. */
function remarkOnRest({ screen }: Context, { metadata, spec }: Pod): void {
  if (spec.restartPolicy === "Never") return;
  screen.remark(
    `Session ended, resume using 'nspod attach ${metadata.name} -i -t' command when the pod is running`,
  );
}
