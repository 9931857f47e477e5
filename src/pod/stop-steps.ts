/** The step of the engine that ends containers: each order is recorded, told, and then carried out. */
import { atMost } from "../base/at-most.ts";
import { isPodError } from "../base/errors.ts";
import { killCgroup } from "../cgroup/hierarchy.ts";
import { containerCgroup } from "./attempt.ts";
import { allRefs, type ContainerRef, refs } from "./container-refs.ts";
import type { StopOrder } from "./decide-stops.ts";
import type { StepInput } from "./engine.ts";
import { type ContainerStop, containerRecord, type PodRecord, setContainer } from "./record.ts";
import { restartPolicyOf } from "./restart-policy.ts";
import { stopSignal } from "./stop-signal.ts";

/**
 * A shim answers within microseconds, unless a container has stopped the child that is just being
 * started in it; SIGKILL through the cgroup ends that too, so the grace period goes on.
 */
const answerMs = 2_000;

/** Takes containers into the next phase of their end; the exits come through the shim as always. */
export async function performStops(
  input: StepInput,
  orders: readonly StopOrder[],
): Promise<PodRecord> {
  const { context, pod, record, save } = input;
  const stopping = save(
    orders.reduce((changed, { ref: { container }, stop }) => {
      const state = containerRecord(changed, container.name);
      return setContainer(changed, container.name, { ...state, stop });
    }, record),
  );
  for (const { ref, stop } of orders) {
    const isBegun = containerRecord(record, ref.container.name).stop !== undefined;
    const { list, container } = ref;
    const about = { list, name: container.name };
    if (stop.killedAgainAtMs !== undefined) {
      context.report(pod, { ...unkillable(container.name), container: about });
    } else if (!isBegun) {
      const message = killingMessage(input, ref, stop);
      context.report(pod, { type: "Normal", reason: "Killing", message, container: about });
    }
  }
  await Promise.all(
    orders.map(({ ref, stop }) => carryOut({ ...input, record: stopping }, ref, stop)),
  );
  return stopping;
}

/** Carries out again what a daemon recorded that may have been killed before it could. */
export async function repeatStops(input: StepInput): Promise<void> {
  const { pod, record } = input;
  await Promise.all(
    allRefs(pod).map(async (ref) => {
      const { current, stop } = containerRecord(record, ref.container.name);
      if (current?.state === "running" && stop) await carryOut(input, ref, stop);
    }),
  );
}

/** A hook is begun, and a turn awaited, by the look at the record that follows every step. */
async function carryOut(input: StepInput, ref: ContainerRef, stop: ContainerStop): Promise<void> {
  const { context, pod } = input;
  if (stop.phase === "signalled") await signalContainer(input, ref);
  if (stop.phase === "killed") killCgroup(containerCgroup(context, pod, ref.container.name));
}

/** The kubelet's reason. */
function unkillable(name: string): { type: "Warning"; reason: string; message: string } {
  const message = `Processes of container ${name} do not end after SIGKILL: they wait for a disk or a network file system (uninterruptible sleep), and the pod waits for them`;
  return { type: "Warning", reason: "FailedKillPod", message };
}

/** The kubelet's sentences. */
function killingMessage({ pod }: StepInput, ref: ContainerRef, { cause }: ContainerStop): string {
  const { name } = ref.container;
  const isRestarted = restartPolicyOf(pod, ref) !== "Never";
  const intent = isRestarted ? ", will be restarted" : "";
  switch (cause) {
    case "podEnds":
      return `Stopping container ${name}`;
    case "definitionChanged":
      return `Container ${name} definition changed, will be restarted`;
    case "resized":
      return `Container ${name} resize requires restart`;
    case "allRestart":
      return `Container ${name} is ended because a rule restarts all containers`;
    case "startupProbe":
      return `Container ${name} failed startup probe${intent}`;
    case "livenessProbe":
      return `Container ${name} failed liveness probe${intent}`;
    case "postStartHook":
      return "FailedPostStartHook";
  }
}

async function signalContainer(
  { context, live, record }: StepInput,
  { container }: ContainerRef,
): Promise<void> {
  const { current } = containerRecord(record, container.name);
  if (current === undefined || live.shim === undefined) return;
  const image = context.images.find(current.imageId);
  const signal = stopSignal(current.stopSignal ?? image?.config.config?.StopSignal);
  try {
    await atMost(context.clock, answerMs, live.shim.signal(current.id, signal));
  } catch (error) {
    // It ended by itself in the meantime, or its shim did: both are told by events of their own.
    if (!isPodError(error, "NotFound") && !isPodError(error, "Unavailable")) throw error;
  }
}

/**
 * A rule of a container restarts all: every init and app container is marked to run again, and those that run are
 * killed, without hooks and grace, as Kubernetes does here.
 */
export function performRestartAll(input: StepInput, { container }: ContainerRef): PodRecord {
  const { context, pod, record, save } = input;
  const nowMs = context.clock.now();
  const stop = { cause: "allRestart", phase: "killed", sinceMs: nowMs, deadlineMs: nowMs } as const;
  const all = [...refs(pod, "initContainers"), ...refs(pod, "containers")];
  const begun = all.filter((ref) => containerRecord(record, ref.container.name).current);
  const restarting = save(
    begun.reduce((changed, ref) => {
      const { name } = ref.container;
      const { startedIn: _startedIn, ...state } = containerRecord(changed, name);
      return setContainer(changed, name, { ...state, stop });
    }, record),
  );
  context.report(pod, {
    type: "Normal",
    reason: "RestartAllContainers",
    message: `Container ${container.name} exited: a rule of it restarts all containers of the pod`,
  });
  for (const ref of begun) {
    const { name } = ref.container;
    const isRunning = containerRecord(record, name).current?.state === "running";
    if (isRunning) killCgroup(containerCgroup(context, pod, name));
  }
  return restarting;
}
