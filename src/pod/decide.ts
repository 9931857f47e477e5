/**
 * What to do next for a pod: a pure function of its spec, its record and the time. The engine
 * performs the answer and asks again until there is nothing left to do, so every step may be
 * killed and repeated.
 *
 * Semantics: Kubernetes "Pod Lifecycle"; kubelet computePodActions (pkg/kubelet/kuberuntime).
 */
import { containerBackOff, nextBackOff } from "../base/back-off.ts";
import type { Container, Pod } from "../spec/pod.ts";
import { type Attempt, type ContainerRecord, containerRecord, type PodRecord } from "./record.ts";

export type ContainerList = "initContainers" | "containers";

export interface ContainerRef {
  readonly container: Container;
  readonly list: ContainerList;
  readonly index: number;
}

export type Action =
  | { readonly kind: "startSandbox" }
  | { readonly kind: "startContainer"; readonly ref: ContainerRef }
  /** Send the stop signal to everything that runs. */
  | { readonly kind: "stopContainers"; readonly graceMs: number }
  /** Its image was changed: send the stop signal, or SIGKILL when its grace period is over. */
  | { readonly kind: "replaceContainer"; readonly ref: ContainerRef; readonly graceMs: number }
  | { readonly kind: "killContainer"; readonly ref: ContainerRef }
  /** The grace period is over: SIGKILL. */
  | { readonly kind: "killContainers" }
  | { readonly kind: "stopSandbox" }
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
  if (record.isTerminal) return decideTeardown(record);
  if (record.terminal) {
    // Evicted: it ends as Failed whatever its containers say.
    const graceMs = 1000 * (pod.spec.terminationGracePeriodSeconds ?? 30);
    return decideStop(record, { graceMs, nowMs, last: { kind: "markTerminal" } });
  }
  if (isOver(pod, record)) return { actions: [{ kind: "markTerminal" }] };
  if (record.sandbox.state !== "ready") return decideSandbox(record, nowMs);
  return decideContainers(pod, record, nowMs);
}

function decideDeletion(pod: Pod, record: PodRecord, nowMs: number): Decision {
  const graceMs = 1000 * (pod.metadata.deletionGracePeriodSeconds ?? 30);
  const isGone = record.sandbox.state === "absent";
  const last: Action = isGone ? { kind: "removePod" } : { kind: "stopSandbox" };
  return decideStop(record, { graceMs, nowMs, last });
}

/** Stop signal, grace period, SIGKILL; and the last action when nothing runs any more. */
function decideStop(
  record: PodRecord,
  stop: { readonly graceMs: number; readonly nowMs: number; readonly last: Action },
): Decision {
  const { graceMs, nowMs, last } = stop;
  if (!hasRunning(record)) return { actions: [last] };
  const { stopping } = record;
  if (stopping === undefined) return { actions: [{ kind: "stopContainers", graceMs }] };
  if (stopping.isKilled) return { actions: [] };
  // A second, shorter request may bring the end nearer, never push it away.
  const deadlineMs = Math.min(stopping.deadlineMs, stopping.sinceMs + graceMs);
  if (nowMs >= deadlineMs) return { actions: [{ kind: "killContainers" }] };
  return { actions: [], wakeAtMs: deadlineMs };
}

function decideTeardown(record: PodRecord): Decision {
  return { actions: record.sandbox.state === "absent" ? [] : [{ kind: "stopSandbox" }] };
}

function decideSandbox(record: PodRecord, nowMs: number): Decision {
  const retryAtMs = record.sandboxRetryAtMs ?? 0;
  if (nowMs < retryAtMs) return { actions: [], wakeAtMs: retryAtMs };
  return { actions: [{ kind: "startSandbox" }] };
}

function decideContainers(pod: Pod, record: PodRecord, nowMs: number): Decision {
  const replacements = refs(pod, "containers").map((ref) =>
    decideReplacement(pod, ref, record, nowMs),
  );
  return [...replacements, decideStarts(pod, record, nowMs)].reduce(merge);
}

function decideReplacement(
  pod: Pod,
  ref: ContainerRef,
  record: PodRecord,
  nowMs: number,
): Decision {
  const { current, replacing } = containerRecord(record, ref.container.name);
  if (current?.state !== "running" || current.image === ref.container.image) return { actions: [] };
  const graceMs = 1000 * (pod.spec.terminationGracePeriodSeconds ?? 30);
  if (replacing === undefined) return { actions: [{ kind: "replaceContainer", ref, graceMs }] };
  if (replacing.isKilled) return { actions: [] };
  if (nowMs >= replacing.deadlineMs) return { actions: [{ kind: "killContainer", ref }] };
  return { actions: [], wakeAtMs: replacing.deadlineMs };
}

/** Both decisions: all actions, the earlier of the two times. */
function merge(one: Decision, other: Decision): Decision {
  const times = [one.wakeAtMs, other.wakeAtMs].filter((time) => time !== undefined);
  return {
    actions: [...one.actions, ...other.actions],
    ...(times.length === 0 ? {} : { wakeAtMs: Math.min(...times) }),
  };
}

function decideStarts(pod: Pod, record: PodRecord, nowMs: number): Decision {
  const init = nextInitContainer(pod, record);
  if (init) return startWhenDue([init], pod, record, nowMs);
  return startWhenDue(refs(pod, "containers"), pod, record, nowMs);
}

/** The first init container that has not completed in this sandbox. */
function nextInitContainer(pod: Pod, record: PodRecord): ContainerRef | undefined {
  return refs(pod, "initContainers").find(
    ({ container }) => !hasCompleted(containerRecord(record, container.name), record),
  );
}

function hasCompleted({ current }: ContainerRecord, record: PodRecord): boolean {
  return (
    current?.state === "exited" &&
    current.exitCode === 0 &&
    current.sandbox === record.sandbox.generation
  );
}

function startWhenDue(
  candidates: readonly ContainerRef[],
  pod: Pod,
  record: PodRecord,
  nowMs: number,
): Decision {
  const due: Action[] = [];
  const later: number[] = [];
  for (const ref of candidates) {
    const state = containerRecord(record, ref.container.name);
    if (!mayStart(ref, pod, state, record)) continue;
    const startAtMs = Math.max(state.retryAtMs ?? 0, restartAtMs(state));
    if (startAtMs <= nowMs) due.push({ kind: "startContainer", ref });
    else later.push(startAtMs);
  }
  return { actions: due, ...(later.length === 0 ? {} : { wakeAtMs: Math.min(...later) }) };
}

/** Whether policy wants another attempt, now or after the back-off. */
function mayStart(
  { list }: ContainerRef,
  pod: Pod,
  { current, replacing }: ContainerRecord,
  record: PodRecord,
): boolean {
  if (current === undefined) return true;
  if (current.state !== "exited") return false;
  if (replacing !== undefined) return true;
  if (list === "initContainers") {
    // An init container that completed in an earlier sandbox runs again in this one.
    return current.sandbox !== record.sandbox.generation || current.exitCode !== 0;
  }
  return shouldRestart(pod, current);
}

/** Kubernetes' restartPolicy for an app container that has exited. */
export function shouldRestart(pod: Pod, { exitCode }: Pick<Attempt, "exitCode">): boolean {
  const policy = pod.spec.restartPolicy ?? "Always";
  return policy === "Always" || (policy === "OnFailure" && exitCode !== 0);
}

/** When the back-off after the last exit is over; 0 without one. */
export function restartAtMs({ current, backOff, replacing }: ContainerRecord): number {
  if (current?.state !== "exited" || backOff === undefined || replacing !== undefined) return 0;
  return current.finishedAtMs + backOff.delayMs;
}

/** The back-off that an exit leads to. */
export function backOffAfter(container: ContainerRecord, exited: Attempt): ContainerRecord {
  return {
    ...container,
    current: exited,
    backOff: nextBackOff(container.backOff, containerBackOff, {
      nowMs: exited.finishedAtMs,
      lastedMs: exited.finishedAtMs - exited.startedAtMs,
    }),
  };
}

/** Whether every container ended and policy starts none again. */
function isOver(pod: Pod, record: PodRecord): boolean {
  if ((pod.spec.restartPolicy ?? "Always") === "Always") return false;
  if (hasRunning(record)) return false;
  const failedInit = refs(pod, "initContainers").some(({ container }) => {
    const { current } = containerRecord(record, container.name);
    return current?.state === "exited" && current.exitCode !== 0;
  });
  if (failedInit && pod.spec.restartPolicy === "Never") return true;
  return pod.spec.containers.every(({ name }) => {
    const { current, replacing } = containerRecord(record, name);
    return current?.state === "exited" && replacing === undefined && !shouldRestart(pod, current);
  });
}

export function hasRunning(record: PodRecord): boolean {
  return Object.values(record.containers).some(
    ({ current }) => current !== undefined && current.state !== "exited",
  );
}

/** The containers of one list with their place in the spec. */
export function refs(pod: Pod, list: ContainerList): ContainerRef[] {
  return (pod.spec[list] ?? []).map((container, index) => ({ container, list, index }));
}

/** Init containers first, in the order in which they run. */
export function allRefs(pod: Pod): ContainerRef[] {
  return [...refs(pod, "initContainers"), ...refs(pod, "containers")];
}
