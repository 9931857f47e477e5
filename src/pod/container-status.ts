/**
 * The status of one container as Kubernetes words it: a pure function of spec and record.
 *
 *   Waiting     PodInitializing, ContainerCreating, RunContainerError, CrashLoopBackOff, ErrImagePull …
 *   Running     its process runs and its postStart hook is done
 *   Terminated  Completed, Error, OOMKilled, ContainerCannotRun, StartError …
 *
 * Source: Kubernetes "Pod Lifecycle"; kubelet's convertStatusToAPIStatus and updateStatus of probes.
 */
import { toTime } from "../base/clock.ts";
import type { ContainerState, ContainerStatus, Pod } from "../spec/pod.ts";
import { type ContainerRef, isSidecar } from "./container-refs.ts";
import { isToRestart, restartAtMs } from "./decide-starts.ts";
import { isReady, isStarted } from "./health.ts";
import { type Attempt, type ContainerRecord, containerRecord, type PodRecord } from "./record.ts";
import { stopSignalName } from "./stop-signal.ts";

/** Kubernetes keeps this much of the termination messages of a pod, in equal parts. */
const podMessageBytes = 12 * 1024;

export function containerStatus(ref: ContainerRef, pod: Pod, record: PodRecord): ContainerStatus {
  const { container, list } = ref;
  const state = containerRecord(record, container.name);
  const { current, last } = state;
  const messageBytes = Math.floor(podMessageBytes / countContainers(pod));
  const shown = currentState(ref, pod, record, messageBytes);
  const isShownBefore = shown.waiting !== undefined && current?.state === "exited";
  const previous = isShownBefore ? current : last;
  return {
    name: container.name,
    state: shown,
    lastState: previous === undefined ? {} : terminated(previous, messageBytes),
    ready: readiness(ref, state),
    ...(list === "ephemeralContainers" ? {} : { started: isStarted(state) }),
    restartCount: state.restartCount,
    image: container.image,
    imageID: current?.imageId ?? "",
    ...(current === undefined ? {} : attemptFacts(ref, current, record)),
  };
}

function readiness(ref: ContainerRef, state: ContainerRecord): boolean {
  switch (ref.list) {
    case "containers":
      return isReady(ref.container, state);
    case "initContainers":
      if (isSidecar(ref)) return isReady(ref.container, state);
      return state.current?.state === "exited" && state.current.exitCode === 0;
    case "ephemeralContainers":
      return false;
  }
}

/** What is known of a container since it was made. */
function attemptFacts(
  { container }: ContainerRef,
  attempt: Attempt,
  { resize }: PodRecord,
): Partial<ContainerStatus> {
  const { id, user } = attempt;
  const { volumeMounts = [] } = container;
  const allocated = container.resources?.requests;
  // What it has been given is not yet what it runs with.
  const resources = resize?.before?.[container.name] ?? container.resources;
  const hasResources = resources !== undefined && Object.keys(resources).length > 0;
  return {
    containerID: `nspod://${id}`,
    ...(allocated === undefined ? {} : { allocatedResources: allocated }),
    ...(hasResources ? { resources } : {}),
    ...(volumeMounts.length === 0
      ? {}
      : {
          volumeMounts: volumeMounts.map(({ name, mountPath, readOnly, recursiveReadOnly }) => ({
            name,
            mountPath,
            ...(readOnly === true && {
              readOnly,
              // IfPossible is possible on every kernel that nspod runs on.
              recursiveReadOnly:
                (recursiveReadOnly ?? "Disabled") === "Disabled" ? "Disabled" : "Enabled",
            }),
          })),
        }),
    ...(user === undefined ? {} : { user: { linux: user } }),
    stopSignal: stopSignalName(attempt.stopSignal),
  };
}

function currentState(
  ref: ContainerRef,
  pod: Pod,
  record: PodRecord,
  messageBytes: number,
): ContainerState {
  const state = containerRecord(record, ref.container.name);
  const { current } = state;
  const isRunning = current?.state === "running";
  // Kubernetes: "the status is not set to Running until the postStart handler completes".
  if (isRunning && state.postStart !== "running") {
    return { running: { startedAt: toTime(current.startedAtMs) } };
  }
  if (state.waiting) return { waiting: state.waiting };
  if (current?.state === "exited") {
    return backingOff(ref, pod, record, state) ?? terminated(current, messageBytes);
  }
  if (record.sandboxError) return { waiting: { ...record.sandboxError } };
  const isWaitingForInit = (pod.spec.initContainers ?? []).length > 0 && !isRunning;
  return { waiting: { reason: isWaitingForInit ? "PodInitializing" : "ContainerCreating" } };
}

function backingOff(
  ref: ContainerRef,
  pod: Pod,
  record: PodRecord,
  state: ContainerRecord,
): ContainerState | undefined {
  const { metadata } = pod;
  if (record.isTerminal || metadata.deletionTimestamp !== undefined) return undefined;
  if (!isToRestart(pod, ref, state)) return undefined;
  if (restartAtMs(state) <= (state.current?.finishedAtMs ?? 0)) return undefined;
  if (state.current !== undefined && isNewRefusal(state.current)) {
    return { waiting: { reason: "RunContainerError", message: state.current.message } };
  }
  const delay = `${Math.round((state.backOff?.delayMs ?? 0) / 1000)}s`;
  return {
    waiting: {
      reason: "CrashLoopBackOff",
      message: `back-off ${delay} restarting failed container=${ref.container.name} pod=${metadata.name}_${metadata.namespace}(${metadata.uid})`,
    },
  };
}

/** Its program could not be started, also not when that was tried again at once; from then on it is a back-off. */
function isNewRefusal({ number, reason }: Attempt): boolean {
  return number <= 1 && (reason === "ContainerCannotRun" || reason === "StartError");
}

function terminated(attempt: Attempt, messageBytes: number): ContainerState {
  const message = beginningOf(attempt.message, messageBytes);
  return {
    terminated: {
      exitCode: attempt.exitCode,
      ...(attempt.signal === 0 ? {} : { signal: attempt.signal }),
      reason: attempt.reason,
      ...(message === "" ? {} : { message }),
      startedAt: toTime(attempt.startedAtMs),
      finishedAt: toTime(attempt.finishedAtMs),
      containerID: `nspod://${attempt.id}`,
    },
  };
}

/** At most so many bytes, without half a character at the end. */
function beginningOf(text: string, bytes: number): string {
  const encoded = Buffer.from(text);
  if (encoded.length <= bytes) return text;
  return new TextDecoder().decode(encoded.subarray(0, bytes), { stream: true });
}

function countContainers({ spec }: Pod): number {
  const { initContainers = [], containers, ephemeralContainers = [] } = spec;
  return Math.max(1, initContainers.length + containers.length + ephemeralContainers.length);
}
