/** The logs of one container as text, the way `kubectl logs` shows them. */
import { PodError } from "../base/errors.ts";
import { LogText } from "../shim/log-text.ts";
import { decodeLogs } from "../shim/logs.ts";
import type { Pod } from "../spec/pod.ts";
import type { PodEngine } from "./engine.ts";
import { logPath, podFolders } from "./folders.ts";
import { type Attempt, containerRecord } from "./record.ts";
import { containerState } from "./status.ts";

/** The query of GET …/pods/NAME/log (Kubernetes PodLogOptions). */
export interface PodLogOptions {
  readonly container: string;
  readonly follow?: boolean;
  /** The attempt before the current one. */
  readonly previous?: boolean;
  readonly tailLines?: number;
  /** Wall clock in ms: only lines from then on. */
  readonly sinceMs?: number;
  readonly timestamps?: boolean;
  readonly limitBytes?: number;
  readonly signal?: AbortSignal;
}

/** @throws PodError FailedPrecondition when the container has not started yet. */
export async function* podLogs(
  engine: PodEngine,
  pod: Pod,
  options: PodLogOptions,
): AsyncGenerator<Buffer, void, void> {
  const name = options.container;
  const attempt = chooseAttempt(engine, pod, name, options.previous ?? false);
  const path = logPath(podFolders(engine.context.instance, pod.metadata.uid), name, attempt.number);
  const { tailLines, sinceMs, signal } = options;
  const isFollowed = (options.follow ?? false) && attempt.state === "running";
  const text = decodeLogs(
    path,
    {
      follow: isFollowed,
      ...(tailLines === undefined ? {} : { tailLines }),
      ...(signal === undefined ? {} : { signal }),
      ...(isFollowed ? { until: engine.ended(pod.metadata.uid, attempt.id) } : {}),
    },
    new LogText({
      timestamps: options.timestamps ?? false,
      ...(sinceMs === undefined ? {} : { sinceMs }),
    }),
  );
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  for await (const piece of text) {
    yield piece.length <= left ? piece : piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return;
  }
}

function chooseAttempt(engine: PodEngine, pod: Pod, name: string, previous: boolean): Attempt {
  const record = engine.record(pod.metadata.uid);
  const { current, last } = record ? containerRecord(record, name) : {};
  if (previous) {
    if (last) return last;
    throw new PodError(
      "FailedPrecondition",
      `previous terminated container "${name}" in pod "${pod.metadata.name}" not found`,
    );
  }
  if (current && current.state !== "creating") return current;
  const waiting = containerState(engine.status(pod), name)?.waiting?.reason ?? "ContainerCreating";
  throw new PodError(
    "FailedPrecondition",
    `container "${name}" in pod "${pod.metadata.name}" is waiting to start: ${waiting}`,
  );
}
