/** Interactive streams of a running container: exec and attach. */
import { randomBytes } from "node:crypto";
import { PodError } from "../base/errors.ts";
import { compileExec, planExec } from "../container/exec.ts";
import { execFailure } from "../container/execute.ts";
import { openSession, type Session } from "../shim/session.ts";
import type { Pod } from "../spec/pod.ts";
import { SyscallError } from "../sys/syscall-error.ts";
import { containerCgroup, planAttempt } from "./attempt.ts";
import { allRefs, type ContainerRef } from "./decide.ts";
import type { PodEngine } from "./engine.ts";
import { podFolders } from "./folders.ts";
import { type Attempt, containerRecord } from "./record.ts";

export interface ExecOptions {
  readonly container: string;
  /** At least the program; not a shell line. */
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
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
  const { uid } = pod.metadata;
  const image = context.images.find(attempt.imageId);
  if (image === undefined) {
    throw new PodError("NotFound", `The image of container "${ref.container.name}" was removed`);
  }
  const volumes = engine.live(uid)?.volumes ?? new Map();
  const plan = planAttempt(context, { pod, ref, number: attempt.number, image, volumes });
  const { programs, cloneFlags } = compileExec(planExec(plan, options));
  const action = `Cannot run ${JSON.stringify(options.command[0])} in container "${ref.container.name}"`;
  const session = openSession(podFolders(context.instance, uid).runtime, action, {
    kind: "exec",
    id: `exec-${randomBytes(16).toString("hex")}`,
    programs,
    cloneFlags,
    cgroup: containerCgroup(context, pod, ref.container.name),
    target: attempt.id,
    tty: options.tty,
    stdin: options.stdin,
  });
  return session.catch((error: unknown) => {
    throw explained(error, action, options.command);
  });
}

/** A command that is not there is the user's mistake, in the words and exit code of a shell. */
function explained(error: unknown, action: string, command: readonly string[]): unknown {
  if (!(error instanceof SyscallError)) return error;
  const failure = execFailure(error, command);
  if (failure === undefined) return error;
  const { message, exitCode } = failure;
  return new PodError("FailedPrecondition", `${action}: ${message}`, {
    cause: error,
    data: { exitCode },
  });
}

/** Joins the streams of a running container's main process. */
export async function attachToPod(
  engine: PodEngine,
  pod: Pod,
  options: AttachOptions,
): Promise<Session> {
  const { ref, attempt } = runningContainer(engine, pod, options.container);
  const folder = podFolders(engine.context.instance, pod.metadata.uid).runtime;
  return openSession(folder, `Cannot attach to container "${ref.container.name}"`, {
    kind: "attach",
    target: attempt.id,
    stdin: options.stdin,
  });
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
