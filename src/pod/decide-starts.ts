/**
 * Which containers start now, or when. Pure.
 *
 *   ephemeral containers   at any time, once
 *   init containers        one by one: a plain one has to complete, a sidecar to be started, before the next
 *   app containers         when all of that is done, in their order; a postStart hook holds the ones behind it
 *
 * Source: Kubernetes "Init Containers", "Sidecar Containers"; kubelet computePodActions (pkg/kubelet/kuberuntime).
 */
import type { Pod } from "../spec/pod.ts";
import { type ContainerRef, ephemeralRefs, isSidecar, refs } from "./container-refs.ts";
import { type ContainerRecord, containerRecord, type PodRecord, type StopCause } from "./record.ts";
import { restartPolicyOf, shouldRestart } from "./restart-policy.ts";

export interface StartDecision {
  readonly due: readonly ContainerRef[];
  /** Wall clock of the next start; Infinity without one. */
  readonly nextAtMs: number;
}

/** Containers that start now, in their order. @param nowMs - wall clock. */
export function decideStarts(pod: Pod, record: PodRecord, nowMs: number): StartDecision {
  const { candidates, areAllInitialized } = initCandidates(pod, record);
  const apps = areAllInitialized ? upToHook(refs(pod, "containers"), record) : [];
  const wanted = [...ephemeralRefs(pod), ...candidates, ...apps];
  const due: ContainerRef[] = [];
  let nextAtMs = Number.POSITIVE_INFINITY;
  for (const ref of wanted) {
    const state = containerRecord(record, ref.container.name);
    if (!mayStart(ref, pod, state, record)) continue;
    const atMs = Math.max(state.retryAtMs ?? 0, restartAtMs(state));
    if (atMs > nowMs) {
      nextAtMs = Math.min(nextAtMs, atMs);
      continue;
    }
    due.push(ref);
    // The others are started in a later round, after the hook.
    if (ref.container.lifecycle?.postStart !== undefined) break;
  }
  return { due, nextAtMs };
}

/** Init containers whose turn has come, and whether nothing of them holds the app containers. */
function initCandidates(
  pod: Pod,
  record: PodRecord,
): { readonly candidates: readonly ContainerRef[]; readonly areAllInitialized: boolean } {
  const candidates: ContainerRef[] = [];
  for (const ref of refs(pod, "initContainers")) {
    const state = containerRecord(record, ref.container.name);
    if (isSidecar(ref)) candidates.push(ref);
    if (isInitialized(ref, state, record)) continue;
    if (!isSidecar(ref)) candidates.push(ref);
    return { candidates, areAllInitialized: false };
  }
  return { candidates, areAllInitialized: true };
}

/** Whether an init container lets the next one begin: completed, or as a sidecar once started, in this sandbox. */
export function isInitialized(
  ref: ContainerRef,
  { current, startedIn, stop }: ContainerRecord,
  record: PodRecord,
): boolean {
  if (stop?.cause === "allRestart") return false;
  if (isSidecar(ref)) return startedIn === record.sandbox.generation;
  return (
    current?.state === "exited" &&
    current.exitCode === 0 &&
    current.sandbox === record.sandbox.generation
  );
}

/** The containers up to the first one whose postStart hook is running. */
function upToHook(candidates: readonly ContainerRef[], record: PodRecord): ContainerRef[] {
  const holding = candidates.findIndex(({ container }) => {
    const { current, postStart } = containerRecord(record, container.name);
    return current?.state === "running" && postStart === "running";
  });
  return holding < 0 ? [...candidates] : candidates.slice(0, holding + 1);
}

/** Whether there shall be another attempt, now or after the back-off. */
function mayStart(ref: ContainerRef, pod: Pod, state: ContainerRecord, record: PodRecord): boolean {
  const { current } = state;
  if (current === undefined) return true;
  if (current.state !== "exited" || ref.list === "ephemeralContainers") return false;
  // An init container that completed in an earlier sandbox runs again in this one.
  if (ref.list === "initContainers" && current.sandbox !== record.sandbox.generation) return true;
  return isToRestart(pod, ref, state);
}

const alwaysRestart: ReadonlySet<StopCause> = new Set([
  "definitionChanged",
  "resized",
  "allRestart",
]);
const failures: ReadonlySet<StopCause> = new Set([
  "startupProbe",
  "livenessProbe",
  "postStartHook",
]);

/** Whether a container that has exited starts again, by the cause of its end and by policy. */
export function isToRestart(
  pod: Pod,
  ref: ContainerRef,
  { current, stop }: ContainerRecord,
): boolean {
  if (current?.state !== "exited") return false;
  if (stop !== undefined && alwaysRestart.has(stop.cause)) return true;
  const hasFailed = stop !== undefined && failures.has(stop.cause);
  if (hasFailed && restartPolicyOf(pod, ref) !== "Never") return true;
  return shouldRestart(pod, ref, current.exitCode);
}

/**
 * When the back-off after the last exit is over; 0 without one. A container that we ended ourselves, and that had
 * run for longer than its back-off, starts again at once.
 */
export function restartAtMs({ current, last, backOff, stop }: ContainerRecord): number {
  if (current?.state !== "exited" || backOff === undefined) return 0;
  const isEndedByUs = stop !== undefined && stop.sinceMs < current.finishedAtMs;
  if (isEndedByUs) {
    if (alwaysRestart.has(stop.cause)) return 0;
    const quietMs = current.finishedAtMs - (last?.finishedAtMs ?? 0);
    if (failures.has(stop.cause) && quietMs >= backOff.delayMs) return 0;
  }
  return current.finishedAtMs + backOff.delayMs;
}
