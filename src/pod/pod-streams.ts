/** Interactive streams of a running container: exec and attach. */
import { PodError } from "../base/errors.ts";
import { openSession, type Session } from "../shim/session.ts";
import type { Pod } from "../spec/pod.ts";
import { plannedVolumes } from "../volume/prepare.ts";
import { allRefs, type ContainerRef } from "./container-refs.ts";
import type { PodEngine } from "./engine.ts";
import { type ExecCommand, openExecSession, planRunning } from "./exec-session.ts";
import { podFolders } from "./folders.ts";
import { type Attempt, containerRecord } from "./record.ts";

export interface ExecOptions extends Omit<ExecCommand, "cgroup"> {
  readonly container: string;
}

export interface AttachOptions {
  readonly container: string;
  readonly stdin: boolean;
}

/** Runs a command in a running container, in the same sandbox as its main process. */
export async function execInPod(
  engine: PodEngine,
  pod: Pod,
  options: ExecOptions,
): Promise<Session> {
  const { ref, attempt } = runningContainer(engine, pod, options.container);
  const { context } = engine;
  const live = engine.live(pod.metadata.uid);
  // A daemon that is still adopting the pod has not looked at its volumes; a further process mounts none of them.
  const volumes = live?.isAdopted
    ? live.volumes
    : plannedVolumes(context, pod, podFolders(context.instance, pod.metadata.uid).volumes);
  const running = { pod, ref, attempt, volumes };
  return await stillRunning(engine, pod, options.container, () =>
    openExecSession(context, running, planRunning(context, running), options),
  );
}

/** Joins the streams of a running container's main process. */
export async function attachToPod(
  engine: PodEngine,
  pod: Pod,
  options: AttachOptions,
): Promise<Session> {
  const { ref, attempt } = runningContainer(engine, pod, options.container);
  const folder = podFolders(engine.context.instance, pod.metadata.uid).runtime;
  return await stillRunning(engine, pod, options.container, () =>
    openSession(folder, `Cannot attach to container "${ref.container.name}"`, {
      kind: "attach",
      target: attempt.id,
      stdin: options.stdin,
    }),
  );
}

/** That a container ended, or its shim with it, before the session stood is the reason why there is none. */
async function stillRunning(
  engine: PodEngine,
  pod: Pod,
  container: string,
  open: () => Promise<Session>,
): Promise<Session> {
  try {
    return await open();
  } catch (error) {
    runningContainer(engine, pod, container);
    throw error;
  }
}

function runningContainer(
  engine: PodEngine,
  pod: Pod,
  name: string,
): { readonly ref: ContainerRef; readonly attempt: Attempt } {
  const all = allRefs(pod);
  const ref = all.find(({ container }) => container.name === name);
  if (ref === undefined) {
    throw new PodError("NotFound", `container ${name} is not valid for pod ${pod.metadata.name}`);
  }
  const record = engine.record(pod.metadata.uid);
  const { current } = record ? containerRecord(record, name) : {};
  if (current?.state === "running") return { ref, attempt: current };
  throw new PodError(
    "FailedPrecondition",
    `container "${name}" in pod "${pod.metadata.name}" is not running`,
  );
}
