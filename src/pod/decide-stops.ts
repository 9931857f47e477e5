/**
 * How containers are ended: hook, turn, stop signal, grace period, SIGKILL. Pure.
 *
 *   no stop ─▶ preStop ─▶ turn ─▶ signalled ─▶ killed ─▶ killed again …
 *
 * In a pod that ends, every preStop hook runs at once; then sidecars wait for the app containers, and each for the
 * sidecars behind it. A hook or a wait that takes the whole grace period is followed by two seconds more, once.
 * What does not end by SIGKILL waits for a disk (uninterruptible sleep): that is told, and tried again from time to time.
 *
 * Source: Kubernetes "Termination of Pods"; kubelet pkg/kubelet/kuberuntime, killContainer and termination order.
 */
import type { Pod } from "../spec/pod.ts";
import { allRefs, type ContainerRef, isSidecar, refs } from "./container-refs.ts";
import { type ContainerStop, containerRecord, type PodRecord, type StopCause } from "./record.ts";

/** What is given after a hook or a wait that left less. */
const extensionMs = 2_000;

/** From SIGKILL to the end of a process that waits for nothing; the kernel needs microseconds. */
const deathMs = 10_000;

/** Between the times that SIGKILL is sent again. */
const killAgainMs = 60_000;

/** A container and the next phase of its end. */
export interface StopOrder {
  readonly ref: ContainerRef;
  readonly stop: ContainerStop;
}

export interface StopWish {
  readonly cause: StopCause;
  /** 0 kills at once, without hook and signal. */
  readonly graceMs: number;
  /** Wall clock. */
  readonly nowMs: number;
}

export interface StopDecision {
  readonly orders: readonly StopOrder[];
  /** Wall clock at which to ask again even if nothing happens. */
  readonly wakeAtMs?: number;
}

/** The next phases of all containers that run, in a pod that ends. */
export function stopEverything(pod: Pod, record: PodRecord, wish: StopWish): StopDecision {
  const running = allRefs(pod).filter((ref) => isRunning(record, ref));
  const decisions = running.map((ref) =>
    stopContainer(ref, record, { ...wish, isItsTurn: isItsTurn(pod, record, ref) }),
  );
  const times = decisions.flatMap(({ wakeAtMs }) => wakeAtMs ?? []);
  return {
    orders: decisions.flatMap(({ orders }) => orders),
    ...(times.length === 0 ? {} : { wakeAtMs: Math.min(...times) }),
  };
}

/** The next phase of one container that runs. @param wish.isItsTurn - nobody has to end before it. */
export function stopContainer(
  ref: ContainerRef,
  record: PodRecord,
  wish: StopWish & { readonly isItsTurn: boolean },
): StopDecision {
  const { cause, graceMs, nowMs, isItsTurn } = wish;
  const begun = containerRecord(record, ref.container.name).stop;
  if (begun === undefined) {
    const stop: ContainerStop = {
      cause,
      phase: firstPhase(ref, wish),
      sinceMs: nowMs,
      deadlineMs: nowMs + graceMs,
    };
    return { orders: [{ ref, stop }] };
  }
  if (begun.phase === "killed") return killAgain(ref, begun, nowMs);
  const deadlineMs = deadlineOf(begun, graceMs);
  const isTimeUp = nowMs >= deadlineMs;
  const to = (phase: ContainerStop["phase"], more: Partial<ContainerStop> = {}): StopDecision => ({
    orders: [{ ref, stop: { ...begun, deadlineMs, phase, ...more } }],
  });
  if (graceMs === 0) return to("killed");
  if (begun.phase === "signalled") {
    return isTimeUp ? to("killed") : { orders: [], wakeAtMs: deadlineMs };
  }
  if (isTimeUp || (begun.phase === "turn" && isItsTurn)) {
    return to("signalled", extension(deadlineMs, nowMs));
  }
  return { orders: [], wakeAtMs: deadlineMs };
}

/** @param stop - of a container that was killed, and still runs */
function killAgain(ref: ContainerRef, stop: ContainerStop, nowMs: number): StopDecision {
  const { killedAgainAtMs, deadlineMs } = stop;
  const dueMs =
    killedAgainAtMs === undefined ? deadlineMs + deathMs : killedAgainAtMs + killAgainMs;
  if (nowMs < dueMs) return { orders: [], wakeAtMs: dueMs };
  return { orders: [{ ref, stop: { ...stop, killedAgainAtMs: nowMs } }] };
}

/** The stop after its hook has ended. */
export function afterPreStop(stop: ContainerStop, nowMs: number): ContainerStop {
  return { ...stop, phase: "turn", ...extension(stop.deadlineMs, nowMs) };
}

function firstPhase(
  { container }: ContainerRef,
  { graceMs, isItsTurn }: { readonly graceMs: number; readonly isItsTurn: boolean },
): ContainerStop["phase"] {
  if (graceMs === 0) return "killed";
  if (container.lifecycle?.preStop !== undefined) return "preStop";
  return isItsTurn ? "signalled" : "turn";
}

/** A second, shorter request may bring the end nearer, never push it away. */
function deadlineOf({ deadlineMs, sinceMs, isExtended }: ContainerStop, graceMs: number): number {
  return isExtended ? deadlineMs : Math.min(deadlineMs, sinceMs + graceMs);
}

function extension(
  deadlineMs: number,
  nowMs: number,
): { readonly deadlineMs?: number; readonly isExtended?: boolean } {
  if (deadlineMs - nowMs >= extensionMs) return {};
  return { deadlineMs: nowMs + extensionMs, isExtended: true };
}

/** Sidecars go after the app containers, the last one first. */
function isItsTurn(pod: Pod, record: PodRecord, ref: ContainerRef): boolean {
  if (!isSidecar(ref)) return true;
  const before = [
    ...refs(pod, "containers"),
    ...refs(pod, "initContainers").filter((other) => isSidecar(other) && other.index > ref.index),
  ];
  return !before.some((other) => isRunning(record, other));
}

function isRunning(record: PodRecord, { container }: ContainerRef): boolean {
  return containerRecord(record, container.name).current?.state === "running";
}
