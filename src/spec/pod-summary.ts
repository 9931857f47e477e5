/**
 * The STATUS, READY and RESTARTS columns of `get pods`: one word for what a pod is doing, with the
 * rules of kubectl's printer (kubernetes pkg/printers/internalversion printPod). Pure.
 */

import { age } from "./age.ts";
import type { ContainerStatus, Pod } from "./pod.ts";

export interface PodSummary {
  /** E.g. "Running", "CrashLoopBackOff", "Init:0/2", "Terminating". */
  readonly status: string;
  readonly readyContainers: number;
  readonly totalContainers: number;
  readonly restarts: number;
  /** When a container that was restarted had ended last. */
  readonly lastRestartAt?: string;
}

/** Summarises what the containers of a pod report. */
export function summarizePod(pod: Pod): PodSummary {
  const { status = {}, spec, metadata } = pod;
  const init = summarizeInit(pod);
  let word = init?.status ?? (status.reason || status.phase || "Pending");
  const sidecars = sidecarStatuses(pod);
  let { restarts, lastRestartAt } = countRestarts(status.initContainerStatuses ?? []);
  let readyContainers = sidecars.filter(({ started, ready }) => started && ready).length;
  if (init === undefined || hasCondition(pod, "Initialized")) {
    const statuses = status.containerStatuses ?? [];
    ({ restarts, lastRestartAt } = countRestarts([...sidecars, ...statuses]));
    const ready = statuses.filter((item) => item.ready && item.state?.running !== undefined);
    readyContainers += ready.length;
    // The first container's word wins, so it is looked at last.
    for (const item of statuses.toReversed()) word = containerWord(item) ?? word;
    if (word === "Completed" && ready.length > 0) {
      word = hasCondition(pod, "Ready") ? "Running" : "NotReady";
    }
  }
  const isTerminal = status.phase === "Succeeded" || status.phase === "Failed";
  if (metadata.deletionTimestamp !== undefined && !isTerminal) word = "Terminating";
  return {
    status: word,
    readyContainers,
    totalContainers: spec.containers.length + sidecarNames(pod).size,
    restarts,
    ...(lastRestartAt !== undefined && { lastRestartAt }),
  };
}

/** "3 (5m ago)", or "0". */
export function restartsCell(summary: PodSummary, nowMs: number): string {
  const { restarts, lastRestartAt } = summary;
  if (restarts === 0 || lastRestartAt === undefined) return String(restarts);
  return `${restarts} (${age(lastRestartAt, nowMs)} ago)`;
}

/** Init containers that stay count like the containers beside which they run. */
function sidecarNames({ spec }: Pod): ReadonlySet<string> {
  const sidecars = (spec.initContainers ?? []).filter(
    ({ restartPolicy }) => restartPolicy === "Always",
  );
  return new Set(sidecars.map(({ name }) => name));
}

function sidecarStatuses(pod: Pod): readonly ContainerStatus[] {
  const names = sidecarNames(pod);
  return (pod.status?.initContainerStatuses ?? []).filter(({ name }) => names.has(name));
}

/** undefined when every init container has succeeded, or as a sidecar is started. */
function summarizeInit(pod: Pod): { readonly status: string } | undefined {
  const { spec, status } = pod;
  const total = spec.initContainers?.length ?? 0;
  const statuses = status?.initContainerStatuses ?? [];
  const sidecars = sidecarNames(pod);
  for (const [index, { name, state, started }] of statuses.entries()) {
    if (state?.terminated?.exitCode === 0) continue;
    if (sidecars.has(name) && started === true) continue;
    if (state?.terminated !== undefined) {
      const { reason, signal, exitCode } = state.terminated;
      return { status: `Init:${reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`)}` };
    }
    const waiting = state?.waiting?.reason;
    if (waiting && waiting !== "PodInitializing") return { status: `Init:${waiting}` };
    return { status: `Init:${index}/${total}` };
  }
  return undefined;
}

function containerWord({ state }: ContainerStatus): string | undefined {
  if (state?.waiting?.reason) return state.waiting.reason;
  if (state?.terminated === undefined) return undefined;
  const { reason, signal, exitCode } = state.terminated;
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

function countRestarts(
  statuses: readonly ContainerStatus[],
): Pick<PodSummary, "restarts" | "lastRestartAt"> {
  const ends = statuses.flatMap(({ lastState }) => lastState?.terminated?.finishedAt ?? []).sort();
  const lastRestartAt = ends.at(-1);
  return {
    restarts: statuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
    ...(lastRestartAt !== undefined && { lastRestartAt }),
  };
}

function hasCondition({ status }: Pod, type: string): boolean {
  return status?.conditions?.some((item) => item.type === type && item.status === "True") ?? false;
}
