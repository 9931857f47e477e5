/**
 * The conditions of a pod: what holds, why not, and since when. Pure.
 *
 *   PodReadyToStartContainers · Initialized · Ready · ContainersReady · PodScheduled      ours, always
 *   PodResizePending · PodResizeInProgress                                               likewise
 *   AllContainersRestarting                                                              ours, while it is so
 *   anything else                                                     of others: readiness gates; kept as it is
 *
 * Source: Kubernetes "Pod Lifecycle", sections on conditions and readiness; kubelet pkg/kubelet/status/generate.go.
 */
import { toTime } from "../base/clock.ts";
import type { ContainerStatus, Pod, PodCondition, PodPhase } from "../spec/pod.ts";
import { allRefs, isSidecar, refs } from "./container-refs.ts";
import { containerRecord, type PodRecord } from "./record.ts";

export interface ConditionsInput {
  readonly pod: Pod;
  readonly record: PodRecord;
  readonly nowMs: number;
  readonly phase: PodPhase;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
}

interface Fact {
  readonly type: string;
  readonly isTrue: boolean;
  readonly reason?: string;
  readonly message?: string;
}

export function podConditions(input: ConditionsInput): PodCondition[] {
  const { pod, record, nowMs } = input;
  const before = pod.status?.conditions ?? [];
  const containersReady = areContainersReady(input);
  const facts: Fact[] = [
    { type: "PodReadyToStartContainers", isTrue: record.sandbox.state === "ready" },
    isInitialized(input),
    isReady(containersReady, pod, before),
    { ...containersReady, type: "ContainersReady" },
    { type: "PodScheduled", isTrue: true },
    ...allRestarting(pod, record),
    ...resizing(record),
  ];
  return facts.map((fact) => condition(fact, before, { nowMs, pod }));
}

/** The types of conditions that only the engine writes. */
export const ownConditions: ReadonlySet<string> = new Set([
  "PodReadyToStartContainers",
  "Initialized",
  "Ready",
  "ContainersReady",
  "PodScheduled",
  "AllContainersRestarting",
  "PodResizePending",
  "PodResizeInProgress",
]);

function isInitialized({ pod, phase, initStatuses, statuses }: ConditionsInput): Fact {
  const type = "Initialized";
  if (phase === "Succeeded") return { type, isTrue: true, reason: "PodCompleted" };
  // A container that has begun once shows that there was nothing left to initialize.
  const hasBegun = statuses.some(({ state, lastState }) => {
    return state?.running ?? state?.terminated ?? lastState?.terminated;
  });
  const incomplete = refs(pod, "initContainers").filter((ref) => {
    const status = initStatuses[ref.index];
    return isSidecar(ref) ? status?.started !== true : status?.ready !== true;
  });
  if (hasBegun || incomplete.length === 0) return { type, isTrue: true };
  const names = incomplete.map(({ container }) => container.name).join(" ");
  return {
    type,
    isTrue: false,
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${names}]`,
  };
}

function areContainersReady({ pod, phase, initStatuses, statuses }: ConditionsInput): Fact {
  const type = "ContainersReady";
  if (phase === "Succeeded") return { type, isTrue: false, reason: "PodCompleted" };
  if (phase === "Failed") return { type, isTrue: false, reason: "PodFailed" };
  const sidecars = refs(pod, "initContainers").filter(isSidecar);
  const counted = [...sidecars.flatMap(({ index }) => initStatuses[index] ?? []), ...statuses];
  const unready = counted.filter(({ ready }) => !ready).map(({ name }) => name);
  if (unready.length === 0) return { type, isTrue: true };
  return {
    type,
    isTrue: false,
    reason: "ContainersNotReady",
    message: `containers with unready status: [${unready.join(" ")}]`,
  };
}

/** Containers first, then the conditions that others have to set. */
function isReady(containersReady: Fact, pod: Pod, conditions: readonly PodCondition[]): Fact {
  const type = "Ready";
  if (!containersReady.isTrue) return { ...containersReady, type };
  const complaints = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = conditions.find((candidate) => candidate.type === conditionType);
    if (gate === undefined) {
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    }
    if (gate.status === "True") return [];
    return [
      `the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`,
    ];
  });
  if (complaints.length === 0) return { type, isTrue: true };
  return {
    type,
    isTrue: false,
    reason: "ReadinessGatesNotReady",
    message: complaints.join(", "),
  };
}

function allRestarting(pod: Pod, record: PodRecord): Fact[] {
  const isRestarting = allRefs(pod).some(
    ({ container }) => containerRecord(record, container.name).stop?.cause === "allRestart",
  );
  return isRestarting ? [{ type: "AllContainersRestarting", isTrue: true }] : [];
}

function resizing({ resize }: PodRecord): Fact[] {
  if (resize === undefined) return [];
  const { state, message } = resize;
  const more = message === undefined ? {} : { message };
  switch (state) {
    case "Infeasible":
    case "Deferred":
      return [{ type: "PodResizePending", isTrue: true, reason: state, ...more }];
    case "InProgress":
      return [{ type: "PodResizeInProgress", isTrue: true }];
    case "Error":
      return [{ type: "PodResizeInProgress", isTrue: true, reason: state, ...more }];
  }
}

/** The transition time changes only when the status does. */
function condition(
  { type, isTrue, reason, message }: Fact,
  before: readonly PodCondition[],
  { nowMs, pod }: { readonly nowMs: number; readonly pod: Pod },
): PodCondition {
  const status = isTrue ? "True" : "False";
  const old = before.find((candidate) => candidate.type === type);
  const { generation } = pod.metadata;
  const isSame = old?.status === status && old.lastTransitionTime !== undefined;
  return {
    type,
    status,
    ...(generation === undefined ? {} : { observedGeneration: generation }),
    lastTransitionTime: isSame ? old.lastTransitionTime : toTime(nowMs),
    ...(reason === undefined ? {} : { reason }),
    ...(message === undefined ? {} : { message }),
  };
}
