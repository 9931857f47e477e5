/**
 * Keeps the probes and hooks of a pod in step with its record: what the record says shall run, runs. Called before
 * every decision, so a new daemon takes up what an earlier one had begun.
 */
import { toTime } from "../base/clock.ts";
import type { Pod } from "../spec/pod.ts";
import { commandRunner } from "./command-runner.ts";
import { allRefs, type ContainerRef } from "./container-refs.ts";
import type { StepInput } from "./engine.ts";
import { isStarted } from "./health.ts";
import type { HookEnd } from "./hook-runs.ts";
import type { HandlerTarget } from "./probe-target.ts";
import { type Attempt, type ContainerRecord, containerRecord } from "./record.ts";
import { runHandler } from "./run-handler.ts";

export function attend(input: StepInput): void {
  const { pod, live, record } = input;
  const hooks: HookEnd[] = [];
  for (const ref of allRefs(pod)) {
    const state = containerRecord(record, ref.container.name);
    const { current } = state;
    if (current?.state !== "running") continue;
    const kind = hookThatRuns(ref, state);
    if (kind !== undefined) {
      hooks.push({ attemptId: current.id, kind, error: undefined });
      beginHook(input, ref, current, kind);
    }
    if (state.postStart !== "running") probe(input, ref, state, current);
  }
  live.hooks.keepOnly(hooks);
}

/** What is stopped has no more use for its postStart hook. */
function hookThatRuns(
  { container }: ContainerRef,
  { stop, postStart }: ContainerRecord,
): HookEnd["kind"] | undefined {
  if (stop !== undefined) {
    return stop.phase === "preStop" && container.lifecycle?.preStop ? "preStop" : undefined;
  }
  return postStart === "running" && container.lifecycle?.postStart ? "postStart" : undefined;
}

function beginHook(
  input: StepInput,
  ref: ContainerRef,
  attempt: Attempt,
  kind: HookEnd["kind"],
): void {
  const { context, pod, live } = input;
  const handler = ref.container.lifecycle?.[kind];
  if (handler === undefined) return;
  const { clock } = context;
  live.hooks.begin(
    { attemptId: attempt.id, kind },
    (signal) => runHandler(handler, handlerTarget(input, ref, attempt), { clock, signal }),
    () => context.wake(pod.metadata.uid),
  );
}

function probe(
  input: StepInput,
  ref: ContainerRef,
  state: ContainerRecord,
  current: Attempt,
): void {
  const { container, list } = ref;
  const { startupProbe, livenessProbe, readinessProbe } = container;
  if (list === "ephemeralContainers" || !(startupProbe || livenessProbe || readinessProbe)) return;
  input.prober.track({
    ...handlerTarget(input, ref, current),
    pod: asEnding(input),
    list,
    attemptId: current.id,
    startedAtMs: current.startedAtMs,
    isStarted: isStarted(state),
    isReady: state.isReady === true,
  });
}

/** A pod that ends is asked for readiness alone, whoever ends it: the prober knows that from a pod that is deleted. */
function asEnding({ context, pod, record }: StepInput): Pod {
  const { metadata } = pod;
  const isEnding = Object.values(record.containers).some(({ stop }) => stop?.cause === "podEnds");
  if (!isEnding || metadata.deletionTimestamp !== undefined) return pod;
  return { ...pod, metadata: { ...metadata, deletionTimestamp: toTime(context.clock.now()) } };
}

function handlerTarget(input: StepInput, ref: ContainerRef, attempt: Attempt): HandlerTarget {
  const { context, pod, live, record } = input;
  return {
    pod,
    container: ref.container,
    address: pod.spec.hostNetwork ? context.nodeAddress : (record.address ?? ""),
    exec: live.runner(attempt.id, () => commandRunner(context, { pod, ref, attempt, live })),
  };
}
