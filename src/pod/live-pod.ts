/**
 * What a daemon holds in memory for one pod: the connection to its shim and what the shim told
 * since the last look. All of it can be had again from the shim and the record.
 */
import type { ContainerPlan } from "../container/plan.ts";
import type { StoredImage } from "../image/store-types.ts";
import type { ExitRecord, ShimClient } from "../shim/client.ts";
import type { PreparedVolume } from "../spec/prepared-volume.ts";
import type { PreparedAttempt } from "./attempt.ts";

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
  /** Whether the record was compared with the shim since this daemon began. */
  isAdopted = false;
  /** The connection ended without our wish: the shim is gone. */
  isShimLost = false;
  /** The node wants the pod to end as Failed with this reason. */
  eviction: { readonly reason: string; readonly message: string } | undefined;
  /** Something that the pod refers to has changed: what waits for its next try is tried now. */
  isRetryAsked = false;
  /** Made while the sandbox was started. */
  planned: PlannedAttempt | undefined;
  #exits: ExitRecord[] = [];
  readonly #ends = new Map<string, PromiseWithResolvers<void>>();

  /** What was planned ahead for this attempt; whatever was planned is forgotten. */
  takePlanned(name: string, number: number): PlannedAttempt | undefined {
    const { planned } = this;
    this.planned = undefined;
    return planned?.name === name && planned.number === number ? planned : undefined;
  }

  pushExit(exit: ExitRecord): void {
    this.#exits.push(exit);
  }

  takeExits(): readonly ExitRecord[] {
    const exits = this.#exits;
    this.#exits = [];
    return exits;
  }

  /** Resolves when the attempt with this id has ended and its record says so. */
  ended(id: string): Promise<void> {
    const end = this.#ends.get(id) ?? Promise.withResolvers<void>();
    this.#ends.set(id, end);
    return end.promise;
  }

  /** Tells those who wait for the end of an attempt. */
  announceEnd(id: string): void {
    this.#ends.get(id)?.resolve();
    this.#ends.delete(id);
  }

  /** Forgets the shim; its connection is closed without being taken for a loss. */
  async releaseShim(): Promise<void> {
    const { shim } = this;
    this.shim = undefined;
    this.planned = undefined;
    this.isShimLost = false;
    await shim?.[Symbol.asyncDispose]();
  }
}
