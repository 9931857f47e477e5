/**
 * What to do next for a pod: a pure function of its spec, its record and the time. The engine
 * performs the answer and asks again until there is nothing left to do, so every step may be
 * killed and repeated.
 *
 *   deleted · ended · shall end · is over · sandbox · failed probes and hooks · starts
 *
 * Semantics: Kubernetes "Pod Lifecycle"; kubelet computePodActions (pkg/kubelet/kuberuntime).
 */
import type { Pod } from "../spec/pod.ts";
import { allRefs, type ContainerRef, isSidecar, refs } from "./container-refs.ts";
import { decideStarts, isToRestart } from "./decide-starts.ts";
import {
  type StopDecision,
  type StopOrder,
  stopContainer,
  stopEverything,
} from "./decide-stops.ts";
import { containerRecord, type PodRecord, type StopCause } from "./record.ts";
import { matchingRule } from "./restart-policy.ts";

export type Action =
  | { readonly kind: "startSandbox" }
  | { readonly kind: "startContainer"; readonly ref: ContainerRef }
  /** The next phase in the end of each of these containers. */
  | { readonly kind: "stopContainers"; readonly orders: readonly StopOrder[] }
  /** A rule of a container that has exited: end all, begin again with the first init container. */
  | { readonly kind: "restartAll"; readonly ref: ContainerRef }
  | { readonly kind: "stopSandbox" }
  /** The pod ends as Failed whatever its containers say. */
  | { readonly kind: "failPod"; readonly reason: string; readonly message: string }
  /** Every container ended for good: the phase is Succeeded or Failed from now on. */
  | { readonly kind: "markTerminal" }
  /** Only for a pod that is being deleted, when nothing of it runs: forget it. */
  | { readonly kind: "removePod" };

export interface Decision {
  readonly actions: readonly Action[];
  /** Wall clock at which to ask again even if nothing happens. */
  readonly wakeAtMs?: number;
}

/** @param nowMs - wall clock. */
export function decide(pod: Pod, record: PodRecord, nowMs: number): Decision {
  if (pod.metadata.deletionTimestamp !== undefined) return decideDeletion(pod, record, nowMs);
  if (record.isTerminal) return decideTeardown(record, nowMs);
  const end = { graceMs: podGraceMs(pod), nowMs, last: { kind: "markTerminal" } } as const;
  if (record.terminal || isOver(pod, record)) return decideEnd(pod, record, end);
  const deadlineMs = activeDeadlineMs(pod, record);
  if (nowMs >= deadlineMs) return { actions: [deadlineExceeded] };
  const life =
    record.sandbox.state === "ready"
      ? decideContainers(pod, record, nowMs)
      : decideSandbox(record, nowMs);
  return at(life.actions, life.wakeAtMs ?? Number.POSITIVE_INFINITY, deadlineMs);
}

/** Reason and message of the kubelet. */
const deadlineExceeded: Action = {
  kind: "failPod",
  reason: "DeadlineExceeded",
  message: "Pod was active on the node longer than the specified deadline",
};

/** Infinity without activeDeadlineSeconds. */
function activeDeadlineMs({ spec }: Pod, { acceptedAtMs }: PodRecord): number {
  return acceptedAtMs + 1000 * (spec.activeDeadlineSeconds ?? Number.POSITIVE_INFINITY);
}

function podGraceMs({ spec }: Pod): number {
  return 1000 * (spec.terminationGracePeriodSeconds ?? 30);
}

function decideDeletion(pod: Pod, record: PodRecord, nowMs: number): Decision {
  const graceMs = 1000 * (pod.metadata.deletionGracePeriodSeconds ?? 30);
  if (hasRunning(record)) {
    return decideEnd(pod, record, { graceMs, nowMs, last: { kind: "removePod" } });
  }
  if (record.sandbox.state === "absent") return { actions: [{ kind: "removePod" }] };
  return decideTeardown(record, nowMs);
}

/** Ends every container, sidecars last; and the last action when nothing runs any more. */
function decideEnd(
  pod: Pod,
  record: PodRecord,
  end: { readonly graceMs: number; readonly nowMs: number; readonly last: Action },
): Decision {
  const { graceMs, nowMs, last } = end;
  if (!hasRunning(record)) return { actions: [last] };
  return stopped(stopEverything(pod, record, { cause: "podEnds", graceMs, nowMs }));
}

function decideTeardown(record: PodRecord, nowMs: number): Decision {
  if (record.sandbox.state === "absent") return { actions: [] };
  // Processes that do not end after SIGKILL have it wait between two tries.
  const retryAtMs = record.sandbox.state === "stopping" ? (record.sandboxRetryAtMs ?? 0) : 0;
  if (nowMs < retryAtMs) return { actions: [], wakeAtMs: retryAtMs };
  return { actions: [{ kind: "stopSandbox" }] };
}

function decideSandbox(record: PodRecord, nowMs: number): Decision {
  if (record.sandbox.state === "stopping") return decideTeardown(record, nowMs);
  const retryAtMs = record.sandboxRetryAtMs ?? 0;
  if (nowMs < retryAtMs) return { actions: [], wakeAtMs: retryAtMs };
  return { actions: [{ kind: "startSandbox" }] };
}

function decideContainers(pod: Pod, record: PodRecord, nowMs: number): Decision {
  const restarting = restartingAll(pod, record);
  if (restarting) return { actions: [{ kind: "restartAll", ref: restarting }] };
  const stops = lasting(pod).map((ref) => decideStop(pod, ref, record, nowMs));
  const orders = stops.flatMap((stop) => stop.orders);
  const wakeAtMs = stops.map((stop) => stop.wakeAtMs ?? Number.POSITIVE_INFINITY);
  if (isEndingAll(pod, record)) return stopped({ orders }, ...wakeAtMs);
  const { due, nextAtMs } = decideStarts(pod, record, nowMs);
  const starts = due.map((ref): Action => ({ kind: "startContainer", ref }));
  return at([...stopped({ orders }).actions, ...starts], nextAtMs, ...wakeAtMs);
}

/** Containers that stay, as opposed to those that run to their end: the ones that are probed. */
function lasting(pod: Pod): ContainerRef[] {
  return [...refs(pod, "initContainers").filter(isSidecar), ...refs(pod, "containers")];
}

/** The end of one container while its pod goes on. */
function decideStop(pod: Pod, ref: ContainerRef, record: PodRecord, nowMs: number): StopDecision {
  const { container } = ref;
  const state = containerRecord(record, container.name);
  if (state.current?.state !== "running") return { orders: [] };
  const cause = state.stop?.cause ?? stopCause(ref, record);
  if (cause === undefined) return { orders: [] };
  const seconds = {
    startupProbe: container.startupProbe?.terminationGracePeriodSeconds,
    livenessProbe: container.livenessProbe?.terminationGracePeriodSeconds,
    postStartHook: undefined,
    definitionChanged: undefined,
    resized: undefined,
    podEnds: undefined,
    allRestart: 0,
  }[cause];
  const graceMs = seconds === undefined ? podGraceMs(pod) : 1000 * seconds;
  return stopContainer(ref, record, { cause, graceMs, nowMs, isItsTurn: true });
}

function stopCause({ container }: ContainerRef, record: PodRecord): StopCause | undefined {
  const { current, failedProbe, postStart, isResizeDue } = containerRecord(record, container.name);
  if (current?.image !== container.image) return "definitionChanged";
  if (isResizeDue) return "resized";
  if (postStart === "failed") return "postStartHook";
  if (failedProbe === "liveness") return "livenessProbe";
  return failedProbe === "startup" ? "startupProbe" : undefined;
}

/** The container whose exit restarts all of them, and has not done so yet. */
function restartingAll(pod: Pod, record: PodRecord): ContainerRef | undefined {
  return [...refs(pod, "initContainers"), ...refs(pod, "containers")].find((ref) => {
    const { current, stop } = containerRecord(record, ref.container.name);
    const hasExited = current?.state === "exited" && current.sandbox === record.sandbox.generation;
    if (!hasExited || stop?.cause === "allRestart") return false;
    // An init container that has completed restarts nothing: the pod would never be initialized.
    if (ref.list === "initContainers" && !isSidecar(ref) && current.exitCode === 0) return false;
    return matchingRule(ref, current.exitCode)?.action === "RestartAllContainers";
  });
}

/** Nothing starts before the last container of the round before has gone. */
function isEndingAll(pod: Pod, record: PodRecord): boolean {
  return allRefs(pod).some(({ container }) => {
    const { current, stop } = containerRecord(record, container.name);
    return current?.state === "running" && stop?.cause === "allRestart";
  });
}

function stopped({ orders, wakeAtMs }: StopDecision, ...timesMs: readonly number[]): Decision {
  const actions: Action[] = orders.length === 0 ? [] : [{ kind: "stopContainers", orders }];
  return at(actions, wakeAtMs ?? Number.POSITIVE_INFINITY, ...timesMs);
}

/** A decision that is looked at again at the earliest of the times; Infinity is never. */
function at(actions: readonly Action[], ...timesMs: readonly number[]): Decision {
  const wakeAtMs = Math.min(...timesMs);
  return Number.isFinite(wakeAtMs) ? { actions, wakeAtMs } : { actions };
}

/** Whether every app container ended, or the initialization failed, and policy starts none again. */
function isOver(pod: Pod, record: PodRecord): boolean {
  const failedInit = refs(pod, "initContainers").some((ref) => {
    const state = containerRecord(record, ref.container.name);
    return (
      !isSidecar(ref) &&
      state.current?.state === "exited" &&
      state.current.exitCode !== 0 &&
      !isToRestart(pod, ref, state)
    );
  });
  if (failedInit) return true;
  return refs(pod, "containers").every((ref) => {
    const state = containerRecord(record, ref.container.name);
    return state.current?.state === "exited" && !isToRestart(pod, ref, state);
  });
}

export function hasRunning(record: PodRecord): boolean {
  return Object.values(record.containers).some(
    ({ current }) => current !== undefined && current.state !== "exited",
  );
}
