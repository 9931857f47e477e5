/**
 * What a row of probe answers means: a pure state machine per container and kind of probe.
 *
 *   answers ──▶ run of equal answers ──threshold──▶ result (what the pod's status and restarts follow)
 *
 * Before the first answer a container counts as alive, not ready and not started. Liveness and startup stop with
 * their first failed result: the container is ended for it, and its next attempt has a state of its own.
 *
 * Source: Kubernetes "Configure Liveness, Readiness and Startup Probes"; kubelet pkg/kubelet/prober/worker.go.
 */
import type { Probe } from "../spec/pod.ts";

export type ProbeKind = "startup" | "liveness" | "readiness";

export interface ProbeState {
  readonly kind: ProbeKind;
  /** After thresholds; undefined: a startup probe that has said nothing yet. */
  readonly isSuccess: boolean | undefined;
  /** The last answer and how often it came in a row. */
  readonly answer: boolean | undefined;
  readonly run: number;
}

/** @param before - what an earlier daemon knew of this attempt. */
export function newProbeState(
  kind: ProbeKind,
  before: { readonly isStarted: boolean; readonly isReady: boolean },
): ProbeState {
  const initial = {
    startup: before.isStarted ? true : undefined,
    liveness: true,
    readiness: before.isReady,
  };
  return { kind, isSuccess: initial[kind], answer: undefined, run: 0 };
}

/** The state after one more answer. */
export function withAnswer(
  state: ProbeState,
  probe: Pick<Probe, "successThreshold" | "failureThreshold">,
  answer: boolean,
): ProbeState {
  const run = state.answer === answer ? state.run + 1 : 1;
  const needed = answer ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { ...state, answer, run, isSuccess: run < needed ? state.isSuccess : answer };
}

/** Whether the probe has said its last word about this attempt. */
export function isDone({ kind, isSuccess }: Pick<ProbeState, "kind" | "isSuccess">): boolean {
  if (kind === "readiness") return false;
  return kind === "startup" ? isSuccess !== undefined : isSuccess === false;
}
