/**
 * The status of a pod as Kubernetes words it: a pure function of spec and record.
 *
 * Source: Kubernetes "Pod Lifecycle"; kubelet pkg/kubelet/status/generate.go for the conditions.
 */
import { toTime } from "../base/clock.ts";
import type { ContainerState, Pod, PodPhase, PodStatus } from "../spec/pod.ts";
import { podQosClass } from "../spec/pod-qos.ts";
import { ownConditions, podConditions } from "./conditions.ts";
import { type ContainerList, refs } from "./container-refs.ts";
import { containerStatus } from "./container-status.ts";
import { containerRecord, type PodRecord } from "./record.ts";

export interface StatusInput {
  readonly pod: Pod;
  readonly record: PodRecord;
  readonly nowMs: number;
  /** Address of the node that the pod runs on. */
  readonly hostIP: string;
}

export function podStatus(input: StatusInput): PodStatus {
  const { pod, record, nowMs, hostIP } = input;
  const phase = podPhase(pod, record);
  const podIP = podAddress(input);
  const statusesOf = (list: ContainerList) =>
    refs(pod, list).map((ref) => containerStatus(ref, pod, record));
  const initStatuses = statusesOf("initContainers");
  const statuses = statusesOf("containers");
  const ephemeralStatuses = statusesOf("ephemeralContainers");
  const lists = {
    ...(initStatuses.length === 0 ? {} : { initContainerStatuses: initStatuses }),
    containerStatuses: statuses,
    ...(ephemeralStatuses.length === 0 ? {} : { ephemeralContainerStatuses: ephemeralStatuses }),
  };
  const failure = record.terminal;
  return {
    phase,
    conditions: podConditions({ pod, record, nowMs, phase, initStatuses, statuses }),
    ...(failure === undefined ? {} : { reason: failure.reason, message: failure.message }),
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime: toTime(record.acceptedAtMs),
    ...(record.isRejected ? {} : lists),
    qosClass: podQosClass(pod),
    ...(pod.metadata.generation === undefined
      ? {}
      : { observedGeneration: pod.metadata.generation }),
  };
}

/** Fields that only the engine writes: those that a new status lacks are gone. */
const ownFields: ReadonlySet<string> = new Set<keyof PodStatus>([
  "phase",
  "conditions",
  "reason",
  "message",
  "hostIP",
  "hostIPs",
  "podIP",
  "podIPs",
  "startTime",
  "initContainerStatuses",
  "containerStatuses",
  "ephemeralContainerStatuses",
  "qosClass",
  "observedGeneration",
]);

/** The new status with what others have written into the current one: conditions and fields that are not ours. */
export function withForeignStatus(next: PodStatus, current: PodStatus | undefined): PodStatus {
  if (current === undefined) return next;
  const foreign = Object.entries(current).filter(([field]) => !ownFields.has(field));
  const own = next.conditions ?? [];
  const kept = (current.conditions ?? []).filter(
    ({ type }) => !ownConditions.has(type) && !own.some((condition) => condition.type === type),
  );
  return { ...Object.fromEntries(foreign), ...next, conditions: [...own, ...kept] };
}

function podAddress({ pod, record, hostIP }: StatusInput): string | undefined {
  if (record.sandbox.state === "absent" && !record.isTerminal) return undefined;
  return pod.spec.hostNetwork ? hostIP : record.address;
}

/** Sidecars and ephemeral containers do not count. */
export function podPhase(pod: Pod, record: PodRecord): PodPhase {
  const apps = refs(pod, "containers").map(({ container }) =>
    containerRecord(record, container.name),
  );
  if (record.isTerminal) {
    const succeeded = apps.every(
      ({ current }) => current?.state === "exited" && current.exitCode === 0,
    );
    return succeeded && record.terminal === undefined ? "Succeeded" : "Failed";
  }
  // A container that ran once keeps the pod Running through restarts and back-off.
  const hasBegun = apps.every(({ current, last, postStart }) => {
    if (last !== undefined) return true;
    return current !== undefined && current.state !== "creating" && postStart !== "running";
  });
  return hasBegun ? "Running" : "Pending";
}

/** The state of one container in a status; undefined when there is none of that name. */
export function containerState(status: PodStatus, name: string): ContainerState | undefined {
  const all = [
    ...(status.initContainerStatuses ?? []),
    ...(status.containerStatuses ?? []),
    ...(status.ephemeralContainerStatuses ?? []),
  ];
  return all.find((container) => container.name === name)?.state;
}
