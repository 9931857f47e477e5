/**
 * What came of a pod: the exit code that `run` ends with, and why a pod that somebody waits for
 * will not get there. Pure.
 */
import type { ContainerStatus, Pod } from "../spec/pod.ts";

/** Reasons of waiting that no retry of the daemon can end: the user has to act. */
const hopeless: ReadonlySet<string> = new Set([
  "ErrImageNeverPull",
  "ErrImagePull",
  "ImagePullBackOff",
  "InvalidImageName",
  "ImageInspectError",
  "CreateContainerConfigError",
]);

export interface Failure {
  readonly container: string;
  /** 1..255 */
  readonly exitCode: number;
  /** E.g. `exit code 3 (Error)`, `signal 9 (OOMKilled)`. */
  readonly why: string;
  readonly message: string;
}

export function hasEnded(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** 0 when the pod succeeded, else the exit code of the container that failed first, or 1. */
export function podExitCode(pod: Pod): number {
  return pod.status?.phase === "Succeeded" ? 0 : (firstFailure(pod)?.exitCode ?? 1);
}

/** The container that ended first with a failure; times are equal within a second, order decides. */
export function firstFailure(pod: Pod): Failure | undefined {
  const failed = allStatuses(pod).flatMap((status) => {
    const end = status.state?.terminated;
    return end === undefined || end.exitCode === 0 ? [] : [{ name: status.name, end }];
  });
  failed.sort((a, b) => (a.end.finishedAt ?? "").localeCompare(b.end.finishedAt ?? ""));
  const first = failed[0];
  if (first === undefined) return undefined;
  const { exitCode, signal, reason, message } = first.end;
  const what = signal ? `signal ${signal}` : `exit code ${exitCode}`;
  return {
    container: first.name,
    exitCode: Math.min(255, Math.max(1, exitCode)),
    why: reason ? `${what} (${reason})` : what,
    message: message ?? "",
  };
}

/** Sentences about containers that wait with a reason worth telling, one per container. */
export function waitingReasons(
  pod: Pod,
): readonly { readonly reason: string; readonly text: string }[] {
  return allStatuses(pod).flatMap(({ name, state }) => {
    const { reason = "", message = "" } = state?.waiting ?? {};
    if (reason === "" || reason === "PodInitializing" || reason === "ContainerCreating") return [];
    return [
      { reason, text: `Container "${name}": ${reason}${message === "" ? "" : `: ${message}`}` },
    ];
  });
}

/** Why the pod cannot get any further without the user; undefined while it can. */
export function stuckReason(pod: Pod): string | undefined {
  return waitingReasons(pod).find(({ reason }) => isHopeless(reason))?.text;
}

/** Whether a container that waits for this reason waits for the user. */
export function isHopeless(reason: string): boolean {
  return hopeless.has(reason);
}

export type Goal = "running" | "ready";

/** Whether the pod is where `--wait` wants it, can still get there ("pending"), or why it never will. */
export function waitState(
  pod: Pod,
  goal: Goal,
): { readonly state: "reached" | "pending" } | { readonly state: "failed"; readonly why: string } {
  const { phase } = pod.status ?? {};
  if (phase === "Failed") return { state: "failed", why: describeFailure(pod) };
  if (goal === "running" && (phase === "Running" || phase === "Succeeded")) {
    return { state: "reached" };
  }
  const isReady = pod.status?.conditions?.some(
    ({ type, status }) => type === "Ready" && status === "True",
  );
  if (goal === "ready" && isReady) return { state: "reached" };
  if (phase === "Succeeded") return { state: "failed", why: "it completed without becoming ready" };
  const stuck = stuckReason(pod);
  return stuck === undefined ? { state: "pending" } : { state: "failed", why: stuck };
}

/** What a pod that is not there yet waits for, in words. */
export function describeWaiting(pod: Pod): string {
  const reasons = waitingReasons(pod).map(({ text }) => text);
  if (reasons.length > 0) return reasons.join("; ");
  const condition = pod.status?.conditions?.find(
    ({ status, message }) => status === "False" && message !== undefined && message !== "",
  );
  return condition?.message ?? `its phase is ${pod.status?.phase ?? "Pending"}`;
}

export function describeFailure(pod: Pod): string {
  const failure = firstFailure(pod);
  if (failure !== undefined) {
    const detail = failure.message.trim();
    return `Container "${failure.container}" failed: ${failure.why}${detail === "" ? "" : `: ${detail}`}`;
  }
  const { reason = "", message = "" } = pod.status ?? {};
  return [reason, message].filter(Boolean).join(": ") || "it failed";
}

function allStatuses({ status }: Pod): readonly ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}
