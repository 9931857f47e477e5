/**
 * What a daemon holds in memory for one pod: the connection to its shim and what the shim told
 * since the last look. All of it can be had again from the shim and the record.
 */
import type { ContainerPlan } from "../container/plan.ts";
import type { StoredImage } from "../image/store-types.ts";
import type { ExitRecord, ShimClient } from "../shim/client.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import type { PreparedAttempt } from "./attempt.ts";
import { HookRuns } from "./hook-runs.ts";
import { Inbox } from "./inbox.ts";
import type { RunCommand } from "./probe-target.ts";
import type { ProbeResult } from "./prober.ts";
import { StartTimings } from "./start-timings.ts";

/** An attempt that is about to start; `prepared` when its folders and cgroup stand already. */
export interface PlannedAttempt {
  readonly name: string;
  readonly number: number;
  readonly image: StoredImage;
  readonly plan: ContainerPlan;
  readonly prepared: PreparedAttempt | undefined;
}

export class LivePod {
  shim: ShimClient | undefined;
  volumes: ReadonlyMap<string, PreparedVolume> = new Map();
  /** Whether the record was compared with the shim, since this daemon began and since a step of it threw. */
  isAdopted = false;
  /** The connection ended without our wish: the shim is gone. */
  isShimLost = false;
  /** The node wants the pod to end as Failed with this reason. */
  eviction: { readonly reason: string; readonly message: string } | undefined;
  /** Something that the pod refers to has changed: what waits for its next try is tried now. */
  isRetryAsked = false;
  /** What volumes are filled with may have changed; true for a daemon that has not looked yet. */
  isContentStale = true;
  /** When the content of a volume changes by itself, by volume; and the first of these times. */
  readonly contentTimes: Map<string, number> = new Map();
  refreshAtMs: number | undefined;
  /** Made while the sandbox was started. */
  planned: PlannedAttempt | undefined;
  readonly timings: StartTimings = new StartTimings();
  /** Hooks that run now. */
  readonly hooks: HookRuns = new HookRuns();
  /** To ports in the pod's network namespace, which none of them may outlive. */
  readonly connections: Set<{ destroy(): unknown }> = new Set();
  readonly exits: Inbox<ExitRecord> = new Inbox();
  readonly probeResults: Inbox<ProbeResult> = new Inbox();
  readonly #runners = new Map<string, RunCommand>();
  readonly #ends = new Map<string, PromiseWithResolvers<void>>();

  /** What was planned ahead for this attempt; whatever was planned is forgotten. */
  takePlanned(name: string, number: number): PlannedAttempt | undefined {
    const { planned } = this;
    this.planned = undefined;
    return planned?.name === name && planned.number === number ? planned : undefined;
  }

  /** Runs the commands of probes and hooks in an attempt: one runner for all of them, until its end. */
  runner(attemptId: string, make: () => RunCommand): RunCommand {
    const runner = this.#runners.get(attemptId) ?? make();
    this.#runners.set(attemptId, runner);
    return runner;
  }

  /** Resolves when the attempt with this id has ended and its record says so. */
  ended(id: string): Promise<void> {
    const end = this.#ends.get(id) ?? Promise.withResolvers<void>();
    this.#ends.set(id, end);
    return end.promise;
  }

  /** Tells those who wait for the end of an attempt. */
  announceEnd(id: string): void {
    this.#runners.delete(id);
    this.#ends.get(id)?.resolve();
    this.#ends.delete(id);
  }

  /** Forgets the shim and ends connections into the pod; nothing of it is taken for a loss. */
  async releaseShim(): Promise<void> {
    const { shim } = this;
    this.shim = undefined;
    this.planned = undefined;
    this.isShimLost = false;
    for (const connection of this.connections) connection.destroy();
    await shim?.[Symbol.asyncDispose]();
  }
}
