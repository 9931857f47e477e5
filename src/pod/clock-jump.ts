/**
 * A wall clock that was set back leaves the records of a pod in the future, and a back-off of ten
 * seconds would last a day. Times of the past that lie ahead are drawn to now, and what waits for a
 * time waits no longer than its own delay. A clock that was set forward only ends a wait early.
 */
import type { Attempt, ContainerRecord, ContainerStop, PodRecord } from "./record.ts";

/** Clocks of a virtual machine are corrected by less than this all the time. */
const toleranceMs = 1000;
/** The longest wait of a sandbox or a container: the kubelet's longest back-off. */
const longestRetryMs = 300_000;

/** The same record when nothing in it lies ahead; pure. */
export function withoutFuture(record: PodRecord, nowMs: number): PodRecord {
  const containers = Object.entries(record.containers).map(
    ([name, container]) => [name, containerNow(container, nowMs)] as const,
  );
  const isSame = containers.every(([name, container]) => record.containers[name] === container);
  const { acceptedAtMs, sandbox, sandboxRetryAtMs } = record;
  const latest = nowMs + longestRetryMs + toleranceMs;
  const isRetryFar = sandboxRetryAtMs !== undefined && sandboxRetryAtMs > latest;
  const isAhead = [acceptedAtMs, sandbox.startedAtMs].some((time) => lies(time, nowMs));
  if (isSame && !isRetryFar && !isAhead) return record;
  return {
    ...record,
    acceptedAtMs: notAfter(acceptedAtMs, nowMs),
    sandbox: { ...sandbox, startedAtMs: notAfter(sandbox.startedAtMs, nowMs) },
    containers: Object.fromEntries(containers),
    ...(isRetryFar && { sandboxRetryAtMs: nowMs }),
  };
}

function containerNow(container: ContainerRecord, nowMs: number): ContainerRecord {
  const { current, last, backOff, stop, retryAtMs, retryDelayMs = longestRetryMs } = container;
  const times = [current, last].flatMap((attempt) => [
    attempt?.startedAtMs ?? 0,
    attempt?.finishedAtMs ?? 0,
  ]);
  const isAhead = [
    ...times,
    backOff?.failedAtMs ?? 0,
    stop?.sinceMs ?? 0,
    stop?.killedAgainAtMs ?? 0,
  ].some((time) => lies(time, nowMs));
  const isRetryFar = retryAtMs !== undefined && lies(retryAtMs, nowMs + retryDelayMs);
  if (!isAhead && !isRetryFar) return container;
  return {
    ...container,
    ...(current && { current: attemptNow(current, nowMs) }),
    ...(last && { last: attemptNow(last, nowMs) }),
    ...(backOff && { backOff: { ...backOff, failedAtMs: notAfter(backOff.failedAtMs, nowMs) } }),
    ...(stop && { stop: moved(stop, nowMs) }),
    ...(isRetryFar && { retryAtMs: nowMs + retryDelayMs }),
  };
}

/** A grace period that lies ahead begins now; its length stays. */
function moved(stop: ContainerStop, nowMs: number): ContainerStop {
  const { sinceMs, deadlineMs, killedAgainAtMs } = stop;
  return {
    ...stop,
    ...(lies(sinceMs, nowMs) && { sinceMs: nowMs, deadlineMs: nowMs + deadlineMs - sinceMs }),
    ...(killedAgainAtMs !== undefined && { killedAgainAtMs: notAfter(killedAgainAtMs, nowMs) }),
  };
}

function attemptNow(attempt: Attempt, nowMs: number): Attempt {
  const { startedAtMs, finishedAtMs } = attempt;
  return {
    ...attempt,
    startedAtMs: notAfter(startedAtMs, nowMs),
    finishedAtMs: notAfter(finishedAtMs, nowMs),
  };
}

function lies(timeMs: number, nowMs: number): boolean {
  return timeMs > nowMs + toleranceMs;
}

function notAfter(timeMs: number, nowMs: number): number {
  return lies(timeMs, nowMs) ? nowMs : timeMs;
}
