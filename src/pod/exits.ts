/** Turns what the shim reports about a process into the record of its attempt. Pure. */
import { containerBackOff, nextBackOff } from "../base/back-off.ts";
import type { ExitRecord } from "../shim/client.ts";
import {
  type Attempt,
  type ContainerRecord,
  containerRecord,
  type PodRecord,
  setContainer,
} from "./record.ts";

/** The container whose current attempt has this id. */
export function findAttempt(
  record: PodRecord,
  id: string,
):
  | { readonly name: string; readonly state: ContainerRecord; readonly attempt: Attempt }
  | undefined {
  for (const [name, state] of Object.entries(record.containers)) {
    if (state.current?.id === id) return { name, state, attempt: state.current };
  }
  return undefined;
}

/** Kubernetes' reason for the end of a container. */
export function exitReason(exit: Pick<ExitRecord, "exitCode" | "oomKilled">): string {
  if (exit.oomKilled) return "OOMKilled";
  return exit.exitCode === 0 ? "Completed" : "Error";
}

/** What is known of an exit when its cgroup has been looked at. */
export interface Exited {
  readonly attempt: Attempt;
  readonly exit: ExitRecord;
  /** Its termination message. */
  readonly message: string;
  /** When it was killed for its memory. */
  readonly memoryPeakBytes?: number | undefined;
}

/** What was told of an attempt that runs stays; the shim's clock read a moment earlier. */
export function startOf(attempt: Attempt, process: { readonly startedAtMs: number }): number {
  return attempt.state === "running" ? attempt.startedAtMs : process.startedAtMs;
}

/** The record after a container has exited. */
export function withExit(record: PodRecord, name: string, exited: Exited): PodRecord {
  const { attempt, exit, message, memoryPeakBytes } = exited;
  return withEnd(record, name, {
    ...attempt,
    state: "exited",
    startedAtMs: Math.min(startOf(attempt, exit), exit.finishedAtMs),
    finishedAtMs: exit.finishedAtMs,
    exitCode: exit.exitCode,
    signal: exit.signal,
    reason: exitReason(exit),
    message,
    ...(memoryPeakBytes !== undefined && { memoryPeakBytes }),
  });
}

/** The record after every attempt that was under way has ended with its sandbox. */
export function withLoss(
  record: PodRecord,
  loss: { readonly nowMs: number; readonly reason: string; readonly message: string },
): PodRecord {
  return Object.entries(record.containers).reduce((changed, [name, { current }]) => {
    if (current === undefined || current.state === "exited") return changed;
    return withEnd(changed, name, {
      ...current,
      state: "exited",
      startedAtMs: current.startedAtMs || loss.nowMs,
      finishedAtMs: loss.nowMs,
      exitCode: 137,
      signal: 9,
      reason: loss.reason,
      message: loss.message,
    });
  }, record);
}

function withEnd(record: PodRecord, name: string, ended: Attempt): PodRecord {
  return setContainer(record, name, backOffAfter(containerRecord(record, name), ended));
}

/** The container after an attempt has ended, with the back-off that this leads to. */
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
