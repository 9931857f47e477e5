/** The steps of the engine that end the containers of a pod: stop signal, grace period, SIGKILL. */
import { atMost } from "../base/at-most.ts";
import { isPodError } from "../base/errors.ts";
import { killCgroup } from "../cgroup/hierarchy.ts";
import { containerCgroup } from "./attempt.ts";
import { allRefs, type ContainerRef } from "./decide.ts";
import type { StepInput } from "./engine.ts";
import { containerRecord, type PodRecord, setContainer } from "./record.ts";
import { stopSignal } from "./stop-signal.ts";

/**
 * A shim answers within microseconds, unless a container has stopped the child that is just being
 * started in it; SIGKILL through the cgroup ends that too, so the grace period goes on.
 */
const answerMs = 2_000;

/** Sends the stop signal to every running container; 0 ms of grace kill at once. */
export async function performStop(input: StepInput, graceMs: number): Promise<PodRecord> {
  const { context, record, save } = input;
  const nowMs = context.clock.now();
  const stopping = save({
    ...record,
    stopping: { sinceMs: nowMs, deadlineMs: nowMs + graceMs, isKilled: false },
  });
  if (graceMs === 0) return performKill({ ...input, record: stopping });
  await Promise.all(
    running(input).map((target) =>
      signalContainer(input, target, `Stopping container ${target.name}`),
    ),
  );
  return stopping;
}

/** Kills what is still there; the exits come through the shim as always. */
export async function performKill(input: StepInput): Promise<PodRecord> {
  const { context, pod, record, save } = input;
  const stopping = record.stopping ?? { sinceMs: 0, deadlineMs: 0, isKilled: false };
  const killed = save({ ...record, stopping: { ...stopping, isKilled: true } });
  for (const { name } of running(input)) killCgroup(containerCgroup(context, pod, name));
  return killed;
}

/** Asks one container to end because its image was changed. */
export async function performReplacement(
  input: StepInput,
  { container: { name } }: ContainerRef,
  graceMs: number,
): Promise<PodRecord> {
  const { context, record, save } = input;
  const nowMs = context.clock.now();
  const replacing = { sinceMs: nowMs, deadlineMs: nowMs + graceMs, isKilled: false };
  const stopping = save(
    setContainer(record, name, { ...containerRecord(record, name), replacing }),
  );
  const target = running(input).find((candidate) => candidate.name === name);
  if (target) {
    const message = `Container ${name} definition changed, will be restarted`;
    await signalContainer(input, target, message);
  }
  return stopping;
}

/** Kills one container that did not end within its grace period. */
export function performReplacementKill(
  { context, pod, record, save }: StepInput,
  { container: { name } }: ContainerRef,
): PodRecord {
  const before = containerRecord(record, name);
  const replacing = before.replacing ?? { sinceMs: 0, deadlineMs: 0 };
  const killed = save(
    setContainer(record, name, { ...before, replacing: { ...replacing, isKilled: true } }),
  );
  killCgroup(containerCgroup(context, pod, name));
  return killed;
}

interface Target {
  readonly list: "containers" | "initContainers";
  readonly name: string;
  readonly id: string;
  readonly imageId: string;
}

function running({ pod, record }: StepInput): Target[] {
  return allRefs(pod).flatMap((ref) => {
    const { current } = containerRecord(record, ref.container.name);
    if (current?.state !== "running") return [];
    return [{ list: ref.list, name: ref.container.name, id: current.id, imageId: current.imageId }];
  });
}

async function signalContainer(input: StepInput, target: Target, message: string): Promise<void> {
  const { context, pod, live } = input;
  context.report(pod, {
    type: "Normal",
    reason: "Killing",
    message,
    container: target,
  });
  const image = context.images.find(target.imageId);
  try {
    const signal = stopSignal(image?.config.config?.StopSignal);
    if (live.shim) await atMost(context.clock, answerMs, live.shim.signal(target.id, signal));
  } catch (error) {
    // It ended by itself in the meantime, or its shim did: both are told by events of their own.
    if (!isPodError(error, "NotFound") && !isPodError(error, "Unavailable")) throw error;
  }
}
