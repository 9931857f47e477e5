/** Opens the streams of a further process in a running attempt: exec of people, probes and hooks. */
import { randomBytes } from "node:crypto";
import { PodError } from "../base/errors.ts";
import { compileExec, planExec } from "../container/exec.ts";
import { execFailure } from "../container/execute.ts";
import type { ContainerPlan } from "../container/plan.ts";
import { openSession, type Session } from "../shim/session.ts";
import type { Pod } from "../spec/pod.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { SyscallError } from "../sys/syscall-error.ts";
import { containerCgroup, planAttempt } from "./attempt.ts";
import { environmentOfRunning } from "./container-environment.ts";
import type { ContainerRef } from "./container-refs.ts";
import type { EngineContext } from "./context.ts";
import { podFolders } from "./folders.ts";
import type { Attempt } from "./record.ts";

/** An attempt that runs. */
export interface RunningAttempt {
  readonly pod: Pod;
  readonly ref: ContainerRef;
  readonly attempt: Attempt;
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
}

export interface ExecCommand {
  /** At least the program; not a shell line. */
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Directory of a cgroup at or below the container's; the container's own by default. */
  readonly cgroup?: string;
  /** A program of ours that runs in place of the command's first word. */
  readonly binary?: string;
}

/** The plan of a running attempt, for any number of processes. @throws PodError NotFound when its image is gone. */
export function planRunning(context: EngineContext, running: RunningAttempt): ContainerPlan {
  const { pod, ref, attempt, volumes } = running;
  const image = context.images.find(attempt.imageId);
  if (image === undefined) {
    throw new PodError("NotFound", `The image of container "${ref.container.name}" was removed`);
  }
  const environment = environmentOfRunning(context, pod, ref.container);
  return planAttempt(context, { pod, ref, number: attempt.number, image, volumes, environment });
}

/**
 * Starts a process in the sandbox of the attempt's first one.
 * @throws PodError FailedPrecondition when the container is not running any more; with data.exitCode 126 or 127 when
 * the program cannot be executed.
 */
export async function openExecSession(
  context: EngineContext,
  { pod, ref, attempt }: Omit<RunningAttempt, "volumes">,
  plan: ContainerPlan,
  exec: ExecCommand,
): Promise<Session> {
  const { name } = ref.container;
  const { programs, cloneFlags } = compileExec(
    planExec(plan, exec),
    context.beginnings.ofPod(pod.metadata.uid),
  );
  const action = `Cannot run ${JSON.stringify(exec.command[0])} in container "${name}"`;
  try {
    return await openSession(podFolders(context.instance, pod.metadata.uid).runtime, action, {
      kind: "exec",
      id: `exec-${randomBytes(16).toString("hex")}`,
      programs,
      cloneFlags,
      cgroup: exec.cgroup ?? containerCgroup(context, pod, name),
      target: attempt.id,
      tty: exec.tty,
      stdin: exec.stdin,
    });
  } catch (error) {
    throw explained(error, action, exec.command);
  }
}

/** A command that is not there is the user's mistake, in the words and exit code of a shell; so is a container. */
function explained(error: unknown, action: string, command: readonly string[]): unknown {
  if (!(error instanceof SyscallError)) return error;
  // It ended while it was joined.
  if (error.errno === "ESRCH") {
    return new PodError("FailedPrecondition", `${action}: it is not running`, { cause: error });
  }
  const failure = execFailure(error, command);
  if (failure === undefined) return error;
  const { message, exitCode } = failure;
  return new PodError("FailedPrecondition", `${action}: ${message}`, {
    cause: error,
    data: { exitCode },
  });
}
