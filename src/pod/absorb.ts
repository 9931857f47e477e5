/**
 * Brings a pod's record up to what really happened: exits that the shim reported, a shim that
 * died, and, in the first look of a new daemon, everything since the old one ended.
 */

import { isPodError, messageOf, PodError } from "../base/errors.ts";
import { readMemoryPeak } from "../cgroup/usage.ts";
import { type ExitRecord, readExitRecords, ShimClient, type ShimHandlers } from "../shim/client.ts";
import { shimVersion } from "../shim/protocol.ts";
import { adoptVolumes } from "../volume/prepare.ts";
import { retryWithArrivedImages } from "./arrived-images.ts";
import { containerCgroup, discardAttempt, finishAttempt } from "./attempt.ts";
import { allRefs } from "./container-refs.ts";
import { hasRunning } from "./decide.ts";
import { isToRestart, restartAtMs } from "./decide-starts.ts";
import { afterPreStop } from "./decide-stops.ts";
import type { StepInput } from "./engine.ts";
import { findAttempt, startOf, withExit, withLoss } from "./exits.ts";
import { podFolders } from "./folders.ts";
import { afterPostStart, afterProbe, afterStart } from "./health.ts";
import type { HookEnd } from "./hook-runs.ts";
import type { ProbeResult } from "./prober.ts";
import {
  type Attempt,
  containerRecord,
  type PodRecord,
  setContainer,
  withoutCurrent,
  withoutRetryTimes,
  withoutSandbox,
} from "./record.ts";
import { stopSandbox } from "./sandbox.ts";
import { repeatStops } from "./stop-steps.ts";
import { terminationMessage } from "./termination-message.ts";

/**
 * Connects to the pod's shim; its events land in the live pod and wake the worker.
 * @param launchedPid - of one that was launched just now.
 */
export async function connectShim(
  { context, pod, live }: StepInput,
  launchedPid?: number,
): Promise<ShimClient> {
  const { uid } = pod.metadata;
  let client: ShimClient | undefined;
  const handlers: ShimHandlers = {
    onExit: (exit) => {
      live.exits.push(exit);
      context.wake(uid);
    },
    onClose: () => {
      // A connection that we closed ourselves is no longer the live one.
      if (client === undefined || live.shim !== client) return;
      live.isShimLost = true;
      context.wake(uid);
    },
  };
  const { runtime } = podFolders(context.instance, uid);
  client = await ShimClient.connect(runtime, handlers, launchedPid);
  return client;
}

/** Takes in what the shim, hooks and probes told since the last look. */
export async function absorb(input: StepInput): Promise<PodRecord> {
  const { live } = input;
  let { record } = input;
  await live.exits.drain(async (exit) => {
    record = await absorbExit({ ...input, record }, exit);
  });
  if (live.isShimLost) record = await absorbLoss({ ...input, record });
  await live.hooks.ends.drain((end) => {
    record = absorbHook({ ...input, record }, end);
  });
  await live.probeResults.drain((result) => {
    record = absorbProbe({ ...input, record }, result);
  });
  const { eviction } = live;
  if (eviction && !record.terminal && !record.isTerminal) {
    record = input.save({ ...record, terminal: eviction });
  }
  const { context, pod } = input;
  const ready = live.isRetryAsked ? withoutRetryTimes(record) : record;
  live.isRetryAsked = false;
  const retried = retryWithArrivedImages(pod, ready, (name) => context.images.find(name));
  return retried === record ? record : input.save(retried);
}

/** The end of a hook; one of an attempt that has ended means nothing any more. */
function absorbHook(input: StepInput, { attemptId, kind, error }: HookEnd): PodRecord {
  const { context, pod, record, save } = input;
  const found = findAttempt(record, attemptId);
  const ref = allRefs(pod).find(({ container }) => container.name === found?.name);
  if (found === undefined || ref === undefined || found.attempt.state !== "running") return record;
  const { name, state, attempt } = found;
  const { container, list } = ref;
  if (error !== undefined) {
    const title = kind === "postStart" ? "PostStart" : "PreStop";
    context.report(pod, {
      type: "Warning",
      reason: `Failed${title}Hook`,
      message: `${title}Hook failed: ${messageOf(error)}`,
      container: { list, name },
    });
  }
  if (kind === "postStart") {
    const hook = { isSuccess: error === undefined, sandbox: attempt.sandbox };
    return save(setContainer(record, name, afterPostStart(container, state, hook)));
  }
  if (state.stop?.phase !== "preStop") return record;
  const stop = afterPreStop(state.stop, context.clock.now());
  return save(setContainer(record, name, { ...state, stop }));
}

function absorbProbe({ record, save }: StepInput, result: ProbeResult): PodRecord {
  const found = findAttempt(record, result.attemptId);
  if (found?.attempt.state !== "running") return record;
  const { name, state, attempt } = found;
  const { kind, isSuccess } = result;
  const changed = afterProbe(state, { kind, isSuccess, sandbox: attempt.sandbox });
  return save(setContainer(record, name, changed));
}

async function absorbExit(input: StepInput, exit: ExitRecord): Promise<PodRecord> {
  const { context, pod, live, prober, record, save } = input;
  const found = findAttempt(record, exit.id);
  let changed = record;
  prober.untrack(exit.id);
  if (found !== undefined && found.attempt.state !== "exited") {
    const { name, attempt } = found;
    const memoryPeakBytes = exit.oomKilled
      ? readMemoryPeak(containerCgroup(context, pod, name))
      : undefined;
    // Takes the cgroup away, and what it knows.
    await finishAttempt(context, pod, name);
    const message = await terminationMessage(context, pod, name, {
      number: attempt.number,
      hasFailed: exit.exitCode !== 0,
    });
    changed = save(withExit(record, name, { attempt, exit, message, memoryPeakBytes }));
    reportBackOff(input, changed, name);
  }
  live.announceEnd(exit.id);
  // Only now: until the record stands, the shim is the one who remembers.
  await live.shim?.forget(exit.id);
  return changed;
}

function reportBackOff({ context, pod }: StepInput, record: PodRecord, name: string): void {
  const state = containerRecord(record, name);
  const ref = allRefs(pod).find(({ container }) => container.name === name);
  if (ref === undefined || !isToRestart(pod, ref, state)) return;
  if (restartAtMs(state) <= (state.current?.finishedAtMs ?? 0)) return;
  context.report(pod, {
    type: "Warning",
    reason: "BackOff",
    message: `Back-off restarting failed container ${name} in pod ${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`,
    container: { list: ref.list, name },
  });
}

/**
 * The shim is gone, so nobody collects exit codes any more: its containers are killed through
 * their cgroup, and policy decides whether the pod starts again.
 */
async function absorbLoss(input: StepInput): Promise<PodRecord> {
  const { context, pod, live, prober, save } = input;
  const { uid } = pod.metadata;
  let { record } = input;
  await live.releaseShim();
  // What the shim wrote before it died is exact; the rest is lost with it.
  for (const exit of readExitRecords(podFolders(context.instance, uid).runtime)) {
    record = await absorbExit({ ...input, record }, exit);
  }
  const message = "The shim of the pod ended unexpectedly and its containers were killed";
  if (hasRunning(record)) {
    context.report(pod, { type: "Warning", reason: "ShimLost", message });
  }
  const ids = Object.values(record.containers).flatMap(({ current }) => current?.id ?? []);
  record = save({
    ...withLoss(record, { nowMs: context.clock.now(), reason: "ShimLost", message }),
    sandbox: { ...record.sandbox, state: "stopping" },
  });
  for (const id of ids) {
    prober.untrack(id);
    live.announceEnd(id);
  }
  await stopSandbox(context, uid, record.sandbox.shimPid);
  return save(withoutSandbox(record));
}

/** The first look of this daemon at a pod, or the one after a step that threw: compares the record with what is there. */
export async function adopt(input: StepInput): Promise<PodRecord> {
  const { context, live, record } = input;
  const adopted = await adoptSandbox(input);
  live.isAdopted = true;
  if (adopted !== record) {
    context.log.info({ uid: record.uid, sandbox: adopted.sandbox.state }, "adopted a pod");
  }
  return adopted;
}

async function adoptSandbox(input: StepInput): Promise<PodRecord> {
  const { context, record, live, pod, save } = input;
  if (record.sandbox.state === "absent") return record;
  if (record.bootId !== context.bootId) return absorbReboot(input);
  if (record.sandbox.state !== "ready") {
    // A half-made sandbox is not worth mending: it has run nothing yet, or it is being removed.
    await stopSandbox(context, record.uid, record.sandbox.shimPid);
    const message =
      "The daemon was restarted while the sandbox of the pod was being made or removed";
    const loss = { nowMs: context.clock.now(), reason: "Error", message };
    return save(withoutSandbox(withLoss(record, loss)));
  }
  try {
    if (live.shim === undefined || live.isShimLost) live.shim = await connectShim(input);
  } catch (error) {
    if (isOfOtherVersion(error) && pod.metadata.deletionTimestamp === undefined) {
      throw leftAlone(input, error);
    }
    context.log.warn({ uid: record.uid, error: messageOf(error) }, "the shim does not answer");
    return absorbLoss(input);
  }
  try {
    const { volumes } = podFolders(context.instance, record.uid);
    live.volumes = await adoptVolumes(context, pod, volumes);
    if (!pod.spec.hostNetwork) context.bridge();
    const adopted = await adoptContainers(input);
    await repeatStops({ ...input, record: adopted });
    return adopted;
  } catch (error) {
    // The next look connects again.
    await live.releaseShim();
    throw error;
  }
}

function isOfOtherVersion(error: unknown): error is PodError {
  return isPodError(error, "FailedPrecondition") && error.data["reason"] === shimVersion;
}

/** A shim that this nspod cannot talk to keeps its containers and their exits; only a deletion ends them. */
function leftAlone({ context, pod }: StepInput, cause: PodError): PodError {
  const message = `${cause.message}: the containers of the pod go on as they are until an nspod that knows it is back, or the pod is deleted`;
  context.report(pod, { type: "Warning", reason: "FailedSync", message });
  return new PodError("FailedPrecondition", message, { cause, data: cause.data });
}

/** Compares every attempt with the shim's list. */
async function adoptContainers(input: StepInput): Promise<PodRecord> {
  const { live, pod, save } = input;
  const processes = new Map((await live.shim?.list())?.map((process) => [process.id, process]));
  let { record } = input;
  for (const [name, { current }] of Object.entries(record.containers)) {
    if (current === undefined || current.state === "exited") continue;
    const process = processes.get(current.id);
    if (process?.exit) {
      record = await absorbExit({ ...input, record }, process.exit);
    } else if (process) {
      const { pid } = process;
      const state = containerRecord(record, name);
      const startedAtMs = startOf(current, process);
      const running = {
        ...state,
        current: { ...current, state: "running", pid, startedAtMs },
      } as const;
      const ref = allRefs(pod).find(({ container }) => container.name === name);
      // The old daemon ended before it could write down that the container runs.
      const isNew = current.state === "creating" && ref !== undefined;
      const begun = isNew ? afterStart(ref.container, running, current.sandbox) : running;
      record = save(setContainer(record, name, begun));
    } else {
      record = await absorbNothing({ ...input, record }, name, current);
    }
  }
  return record;
}

/** Announced by the record, but the shim was never asked for it: the attempt does not count. */
async function absorbNothing(
  { context, pod, record, save }: StepInput,
  name: string,
  { number }: Attempt,
): Promise<PodRecord> {
  await finishAttempt(context, pod, name);
  discardAttempt(context, pod, name, number);
  return save(setContainer(record, name, withoutCurrent(containerRecord(record, name))));
}

/** The machine was restarted: nothing of the sandbox exists any more, its files do. */
async function absorbReboot(input: StepInput): Promise<PodRecord> {
  const { context, pod, record, save } = input;
  await stopSandbox(context, record.uid);
  const message = "The node was restarted";
  context.report(pod, { type: "Warning", reason: "Rebooted", message });
  const loss = { nowMs: context.clock.now(), reason: "Unknown", message };
  return save({ ...withoutSandbox(withLoss(record, loss)), bootId: context.bootId });
}
