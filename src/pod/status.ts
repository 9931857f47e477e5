/**
 * The status of a pod as Kubernetes words it: a pure function of spec and record.
 *
 * Source: Kubernetes "Pod Lifecycle"; kubelet pkg/kubelet/status/generate.go for the conditions.
 */
import { toTime } from "../base/clock.ts";
import type {
  ContainerState,
  ContainerStatus,
  Pod,
  PodCondition,
  PodPhase,
  PodStatus,
} from "../spec/pod.ts";
import { podQosClass } from "../spec/pod-qos.ts";
import { type ContainerRef, refs, restartAtMs, shouldRestart } from "./decide.ts";
import { type Attempt, containerRecord, type PodRecord } from "./record.ts";

export interface StatusInput {
  readonly pod: Pod;
  readonly record: PodRecord;
  readonly nowMs: number;
  /** Address of the node that the pod runs on. */
  readonly hostIP: string;
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, record, hostIP } = input;
  const phase = podPhase(pod, record);
  const podIP = podAddress(input);
  const initStatuses = refs(pod, "initContainers").map((ref) => containerStatus(ref, input));
  const statuses = refs(pod, "containers").map((ref) => containerStatus(ref, input));
  const failure = record.terminal;
  return {
    phase,
    conditions: conditions(input, statuses, phase),
    ...(failure === undefined ? {} : { reason: failure.reason, message: failure.message }),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime: toTime(record.acceptedAtMs),
    ...(initStatuses.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    qosClass: podQosClass(pod),
    ...(pod.metadata.generation === undefined
      ? {}
      : { observedGeneration: pod.metadata.generation }),
  };
}

function podAddress({ pod, record, hostIP }: StatusInput): string | undefined {
  if (record.sandbox.state === "absent" && !record.isTerminal) return undefined;
  return pod.spec.hostNetwork ? hostIP : record.address;
}

export function podPhase(pod: Pod, record: PodRecord): PodPhase {
  const apps = refs(pod, "containers").map(
    ({ container }) => containerRecord(record, container.name).current,
  );
  if (record.isTerminal) {
    const succeeded = apps.every(
      (attempt) => attempt?.state === "exited" && attempt.exitCode === 0,
    );
    return succeeded && record.terminal === undefined ? "Succeeded" : "Failed";
  }
  // A container that ran once keeps the pod Running through restarts and back-off.
  return apps.every((attempt) => attempt !== undefined && attempt.state !== "creating")
    ? "Running"
    : "Pending";
}

function containerStatus(ref: ContainerRef, input: StatusInput): ContainerStatus {
  const { container, list } = ref;
  const state = containerRecord(input.record, container.name);
  const { current, last } = state;
  const isRunning = current?.state === "running";
  const isInitDone =
    list === "initContainers" && current?.state === "exited" && current.exitCode === 0;
  const shown = currentState(ref, input);
  const previous = shown.waiting && current?.state === "exited" ? current : last;
  return {
    name: container.name,
    state: shown,
    lastState: previous === undefined ? {} : terminated(previous),
    ready: isRunning ? list === "containers" : isInitDone,
    started: isRunning,
    restartCount: state.restartCount,
    image: container.image,
    imageID: current?.imageId ?? "",
    ...(current === undefined ? {} : { containerID: `nspod://${current.id}` }),
  };
}

function currentState(ref: ContainerRef, { pod, record }: StatusInput): ContainerState {
  const state = containerRecord(record, ref.container.name);
  const { current } = state;
  if (current?.state === "running") {
    return { running: { startedAt: toTime(current.startedAtMs) } };
  }
  if (state.waiting) return { waiting: state.waiting };
  if (current?.state === "exited") {
    const isBackingOff =
      willRestart(ref, pod, current, record) && restartAtMs(state) > current.finishedAtMs;
    if (!isBackingOff) return terminated(current);
    const delay = `${Math.round((state.backOff?.delayMs ?? 0) / 1000)}s`;
    return {
      waiting: {
        reason: "CrashLoopBackOff",
        message: `back-off ${delay} restarting failed container=${ref.container.name} pod=${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`,
      },
    };
  }
  if (record.sandboxError) return { waiting: { ...record.sandboxError } };
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  return { waiting: { reason: hasInit ? "PodInitializing" : "ContainerCreating" } };
}

function willRestart(ref: ContainerRef, pod: Pod, attempt: Attempt, record: PodRecord): boolean {
  if (record.isTerminal || pod.metadata.deletionTimestamp !== undefined) return false;
  if (ref.list === "containers") return shouldRestart(pod, attempt);
  return attempt.exitCode !== 0 && pod.spec.restartPolicy !== "Never";
}

function terminated(attempt: Attempt): ContainerState {
  return {
    terminated: {
      exitCode: attempt.exitCode,
      ...(attempt.signal === 0 ? {} : { signal: attempt.signal }),
      reason: attempt.reason,
      ...(attempt.message === "" ? {} : { message: attempt.message }),
      startedAt: toTime(attempt.startedAtMs),
      finishedAt: toTime(attempt.finishedAtMs),
      containerID: `nspod://${attempt.id}`,
    },
  };
}

interface Fact {
  readonly type: string;
  readonly isTrue: boolean;
  readonly reason?: string;
  readonly message?: string;
}

function conditions(
  input: StatusInput,
  statuses: readonly ContainerStatus[],
  phase: PodPhase,
): PodCondition[] {
  const { pod, record, nowMs } = input;
  const unready = statuses.filter(({ ready }) => !ready).map(({ name }) => name);
  const ready = readiness(unready, phase);
  const pendingInit = refs(pod, "initContainers").filter(({ container }) => {
    const { current } = containerRecord(record, container.name);
    return !(current?.state === "exited" && current.exitCode === 0);
  });
  const isInitialized = pendingInit.length === 0 || phase === "Running";
  const facts: Fact[] = [
    { type: "PodReadyToStartContainers", isTrue: record.sandbox.state === "ready" },
    {
      type: "Initialized",
      isTrue: isInitialized,
      ...(phase === "Succeeded" ? { reason: "PodCompleted" } : {}),
      ...(isInitialized
        ? {}
        : {
            reason: "ContainersNotInitialized",
            message: `containers with incomplete status: [${pendingInit.map(({ container }) => container.name).join(" ")}]`,
          }),
    },
    { ...ready, type: "Ready" },
    { ...ready, type: "ContainersReady" },
    { type: "PodScheduled", isTrue: true },
  ];
  return facts.map((fact) => condition(fact, pod.status?.conditions ?? [], nowMs));
}

function readiness(unready: readonly string[], phase: PodPhase): Omit<Fact, "type"> {
  if (phase === "Succeeded") return { isTrue: false, reason: "PodCompleted" };
  if (phase === "Failed") return { isTrue: false, reason: "PodFailed" };
  if (unready.length === 0) return { isTrue: true };
  return {
    isTrue: false,
    reason: "ContainersNotReady",
    message: `containers with unready status: [${unready.join(" ")}]`,
  };
}

/** The transition time changes only when the status does. */
function condition(fact: Fact, before: readonly PodCondition[], nowMs: number): PodCondition {
  const { type, isTrue, reason, message } = fact;
  const status = isTrue ? "True" : "False";
  const old = before.find((candidate) => candidate.type === type);
  return {
    type,
    status,
    lastTransitionTime:
      old?.status === status && old.lastTransitionTime !== undefined
        ? old.lastTransitionTime
        : toTime(nowMs),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}

/** The state of one container in a status; undefined when there is none of that name. */
export function containerState(status: PodStatus, name: string): ContainerState | undefined {
  const all = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return all.find((container) => container.name === name)?.state;
}
