/** The step of the engine that starts a container, and what its failures mean. */

import { invariant } from "../base/assert.ts";
import { isPodError, messageOf, PodError } from "../base/errors.ts";
import { newContainerId } from "../base/ids.ts";
import { execFailure } from "../container/execute.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import { SyscallError } from "../sys/syscall-error.ts";
import {
  discardAttempt,
  findImage,
  finishAttempt,
  planAttempt,
  prepareAttempt,
  startAttempt,
} from "./attempt.ts";
import {
  type EnvironmentFiles,
  environmentForStart,
  readEnvironmentFiles,
} from "./container-environment.ts";
import { type ContainerRef, targetContainerName } from "./container-refs.ts";
import { decide } from "./decide.ts";
import type { StepInput } from "./engine.ts";
import { backOffAfter } from "./exits.ts";
import { afterStart, withoutHealth } from "./health.ts";
import type { PlannedAttempt } from "./live-pod.ts";
import { reportMissingPullSecrets } from "./pull-secrets.ts";
import {
  type Attempt,
  containerRecord,
  type PodRecord,
  setContainer,
  withoutWaiting,
} from "./record.ts";

/** Kubelet's back-off for images and configuration errors: 10 s doubling to 5 min. */
const firstRetryMs = 10_000;
const lastRetryMs = 300_000;

export async function performContainerStart(
  input: StepInput,
  ref: ContainerRef,
): Promise<PodRecord> {
  const { context, pod, live, record, save } = input;
  const { name } = ref.container;
  const before = withoutHealth(containerRecord(record, name));
  const number = nextNumber(record, name);
  let planned: PlannedAttempt;
  let target: string | undefined;
  reportMissingPullSecrets(input);
  try {
    target = pidTarget(input, ref);
    planned = live.takePlanned(name, number) ?? (await planNow(input, ref));
  } catch (error) {
    return wait(input, ref, error);
  }
  const { image } = planned;
  const { stopSignal, user } = planned.plan;

  const attempt: Attempt = {
    id: newContainerId(),
    number,
    state: "creating",
    sandbox: record.sandbox.generation,
    image: ref.container.image,
    imageId: image.id,
    pid: 0,
    startedAtMs: 0,
    finishedAtMs: 0,
    exitCode: 0,
    signal: 0,
    reason: "",
    message: "",
    ...(stopSignal === undefined ? {} : { stopSignal }),
    user: { uid: user.uid, gid: user.gid, supplementalGroups: user.groups },
  };
  const creating = save(
    setContainer(record, name, {
      ...before,
      restartCount: before.current === undefined ? 0 : before.restartCount + 1,
      current: attempt,
      ...(before.current === undefined ? {} : { last: before.current }),
    }),
  );
  let started: { readonly pid: number };
  try {
    invariant(live.shim, "a sandbox that is ready has a connected shim");
    live.timings.mark(`container ${name}: its turn`);
    started = await startAttempt(context, live.shim, { pod, ref, target }, planned, attempt);
  } catch (error) {
    await finishAttempt(context, pod, name);
    discardAttempt(context, pod, name, number);
    if (error instanceof SyscallError) {
      return fail(input, creating, { ref, attempt, ...startFailure(error, planned.plan.argv) });
    }
    // Nothing was started: the attempt does not count.
    return wait({ ...input, record }, ref, error);
  }
  // It runs, whether or not that can be written down now.
  live.timings.mark(`container ${name}: mounts, sandbox, execve`);
  const current: Attempt = {
    ...attempt,
    state: "running",
    pid: started.pid,
    startedAtMs: context.clock.now(),
  };
  tell(
    input,
    ref,
    "Normal",
    "Pulled",
    `Container image "${ref.container.image}" already present on machine`,
  );
  tell(input, ref, "Normal", "Created", `Created container: ${name}`);
  tell(input, ref, "Normal", "Started", `Started container ${name}`);
  if (before.current !== undefined) discardAttempt(context, pod, name, before.current.number);
  const state = withoutWaiting(containerRecord(creating, name));
  const running = afterStart(ref.container, { ...state, current }, attempt.sandbox);
  return save(setContainer(creating, name, running));
}

/**
 * Id of the attempt whose PID namespace an ephemeral container joins.
 * @throws PodError FailedPrecondition in the kubelet's words when that does not run.
 */
function pidTarget({ pod, record }: StepInput, ref: ContainerRef): string | undefined {
  const name = targetContainerName(pod, ref);
  if (name === undefined || pod.spec.shareProcessNamespace) return undefined;
  const { current } = containerRecord(record, name);
  if (current?.state === "running") return current.id;
  throw new PodError("FailedPrecondition", `unable to find target container ${name}`, {
    data: { reason: "CreateContainerConfigError" },
  });
}

function nextNumber(record: PodRecord, name: string): number {
  const { current } = containerRecord(record, name);
  return current === undefined ? 0 : current.number + 1;
}

async function planNow(input: StepInput, ref: ContainerRef): Promise<PlannedAttempt> {
  const { shim, volumes } = input.live;
  invariant(shim, "a sandbox that is ready has a connected shim");
  const files = await readEnvironmentFiles(shim, volumes, ref.container);
  return plan(input, ref, volumes, files);
}

/** @throws PodError whose data.reason is the container's waiting reason. */
function plan(
  { context, pod, record }: StepInput,
  ref: ContainerRef,
  volumes: ReadonlyMap<string, PreparedVolume>,
  files?: EnvironmentFiles,
): PlannedAttempt {
  const { name } = ref.container;
  const number = nextNumber(record, name);
  const image = findImage(context, ref);
  const environment = environmentForStart(context, pod, ref.container, files);
  const request = { pod, ref, number, image, volumes, environment };
  return { name, number, image, plan: planAttempt(context, request), prepared: undefined };
}

/**
 * Plans and prepares the container that will start first once the sandbox is ready, while nothing
 * else can be done. What fails here fails again, and is told, when its turn comes.
 * @param input - its record is as it will be when the sandbox is ready.
 */
export function planAhead(
  input: StepInput,
  volumes: ReadonlyMap<string, PreparedVolume>,
): PlannedAttempt | undefined {
  const { context, pod, record } = input;
  const [first] = decide(pod, record, context.clock.now()).actions;
  if (first?.kind !== "startContainer") return undefined;
  const { ref } = first;
  try {
    const planned = plan(input, ref, volumes);
    const { number } = planned;
    return { ...planned, prepared: prepareAttempt(context, { pod, ref, number }, planned.plan) };
  } catch {
    // Of any kind: it is neither reported nor counted here.
    return undefined;
  }
}

interface StartFailure {
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
}

/** Exit codes as Docker gives them: 127 not found, 126 not executable, 128 the set-up failed. */
function startFailure(error: SyscallError, argv: readonly string[]): StartFailure {
  const failure = execFailure(error, argv);
  if (failure === undefined) return { exitCode: 128, reason: "StartError", message: error.message };
  return { ...failure, reason: "ContainerCannotRun" };
}

/** The program of the container failed: the attempt counts and has ended. */
function fail(
  input: StepInput,
  creating: PodRecord,
  failed: StartFailure & { readonly ref: ContainerRef; readonly attempt: Attempt },
): PodRecord {
  const { ref, attempt, exitCode, reason, message } = failed;
  const { name } = ref.container;
  const nowMs = input.context.clock.now();
  tell(input, ref, "Warning", "Failed", `Error: ${message}`);
  const ended: Attempt = {
    ...attempt,
    state: "exited",
    startedAtMs: nowMs,
    finishedAtMs: nowMs,
    exitCode,
    reason,
    message,
  };
  const state = withoutWaiting(containerRecord(creating, name));
  return input.save(setContainer(creating, name, backOffAfter(state, ended)));
}

/** Nothing could be started: the container waits with a reason and is tried again later. */
function wait(input: StepInput, ref: ContainerRef, error: unknown): PodRecord {
  const { context, record, save } = input;
  const { name } = ref.container;
  const before = containerRecord(record, name);
  const nowMs = context.clock.now();
  const reason = waitingReason(error);
  const delayMs =
    before.waiting === undefined
      ? firstRetryMs
      : Math.min(2 * (before.retryDelayMs ?? firstRetryMs / 2), lastRetryMs);
  const message = messageOf(error);
  if (!isPodError(error)) context.log.error({ error: message, name }, "container start failed");
  tell(input, ref, "Warning", "Failed", `Error: ${message}`);
  return save(
    setContainer(record, name, {
      ...before,
      waiting: { reason: repeated(reason, before.waiting?.reason), message },
      retryDelayMs: delayMs,
      retryAtMs: nowMs + delayMs,
    }),
  );
}

function waitingReason(error: unknown): string {
  const reason = error instanceof PodError ? error.data["reason"] : undefined;
  return typeof reason === "string" ? reason : "CreateContainerError";
}

/** The second failure to find an image is a back-off, in the kubelet's words. */
function repeated(reason: string, before: string | undefined): string {
  const isAgain = before === "ErrImagePull" || before === "ImagePullBackOff";
  return reason === "ErrImagePull" && isAgain ? "ImagePullBackOff" : reason;
}

function tell(
  { context, pod }: Pick<StepInput, "context" | "pod">,
  { list, container }: ContainerRef,
  type: "Normal" | "Warning",
  reason: string,
  message: string,
): void {
  context.report(pod, { type, reason, message, container: { list, name: container.name } });
}
