/**
 * When a probe is asked, in ms from now. Pure.
 *
 *   start ──initialDelaySeconds──▶ ask ──periodSeconds──▶ ask …          with a delay
 *   start ─early─early──periodSeconds──▶ ask ──periodSeconds──▶ ask …    without one
 *
 * Startup and readiness without a delay are asked a few times early in their first period, so that a fast server
 * need not wait for its end; only a good early answer counts, so failureThreshold × periodSeconds stay what the
 * documentation promises to a slow one. (The kubelet asks readiness out of turn, too, when a status changes.)
 */
import type { Probe } from "../spec/pod.ts";
import type { ProbeKind } from "./probe-state.ts";

const earlyAsksMs = [20, 100, 300, 1_000, 3_000];

export interface Schedule {
  /** Before the first regular ask, rising. */
  readonly earlyMs: readonly number[];
  readonly firstMs: number;
  readonly periodMs: number;
}

export interface ScheduleInput {
  readonly kind: ProbeKind;
  readonly probe: Pick<Probe, "initialDelaySeconds" | "periodSeconds">;
  /** How long the container has run. */
  readonly runningMs: number;
  /** How long the daemon has run. */
  readonly daemonMs: number;
  /** 0 to 1. */
  readonly random: number;
}

export function probeSchedule({ kind, probe, ...input }: ScheduleInput): Schedule {
  const { runningMs, daemonMs, random } = input;
  const periodMs = 1000 * (probe.periodSeconds ?? 10);
  const delayMs = 1000 * (probe.initialDelaySeconds ?? 0) - runningMs;
  if (delayMs > 0) return { earlyMs: [], firstMs: delayMs, periodMs };
  // A daemon that has just begun finds many containers at once and spreads them over a period.
  const isAdopted = runningMs > daemonMs && daemonMs < periodMs;
  if (isAdopted) return { earlyMs: [], firstMs: random * periodMs, periodMs };
  const earlyMs = kind === "liveness" ? [] : earlyAsksMs.filter((ms) => ms < periodMs);
  return { earlyMs, firstMs: periodMs, periodMs };
}
