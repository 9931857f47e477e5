/**
 * The engine: makes a pod what its spec says, one step at a time.
 *
 *   sync(pod):  adopt what an earlier daemon left → absorb exits and answers → attend to hooks and probes
 *              → resize → decide (pure) → perform → repeat
 *
 * `sync` is called by one worker per pod, never twice at once for a uid. Each step writes its
 * intent to the pod's record before it acts, so a daemon that is killed between any two lines
 * continues with the same record. Exits that happen while a step runs wait in a queue.
 */
import { assertNever } from "../base/assert.ts";
import { messageOf } from "../base/errors.ts";
import { failpoint } from "../base/failpoint.ts";
import type { Pod, PodStatus } from "../spec/pod.ts";
import { absorb, adopt } from "./absorb.ts";
import { allocationOf, withAllocation } from "./allocation.ts";
import { attend } from "./attend.ts";
import { withoutFuture } from "./clock-jump.ts";
import { refreshConfigVolumes } from "./config-volumes.ts";
import { performContainerStart } from "./container-steps.ts";
import type { EngineContext } from "./context.ts";
import { type Action, decide } from "./decide.ts";
import { findAttempt } from "./exits.ts";
import { LivePod } from "./live-pod.ts";
import { refusePod } from "./node-admission.ts";
import { Prober } from "./prober.ts";
import { newPodRecord, type PodRecord } from "./record.ts";
import { orphans, removePod } from "./remove-pod.ts";
import { resizePod, resizeRetryMs } from "./resize.ts";
import { performSandboxStart, performSandboxStop } from "./sandbox-steps.ts";
import { podStatus } from "./status.ts";
import { performRestartAll, performStops } from "./stop-steps.ts";

export interface SyncResult {
  readonly status: PodStatus;
  /** Wall clock at which to sync again even if nothing happens. */
  readonly wakeAtMs?: number;
  /** The pod was being deleted and nothing of it is left. */
  readonly isRemoved: boolean;
}

/** What a step works with and returns a changed record of. */
export interface StepInput {
  readonly context: EngineContext;
  readonly pod: Pod;
  readonly live: LivePod;
  readonly prober: Prober;
  readonly record: PodRecord;
  /** Makes a record durable: call it before the effect that the record announces. */
  readonly save: (record: PodRecord) => PodRecord;
}

export class PodEngine {
  readonly context: EngineContext;
  /** Asks the probes of all pods. */
  readonly prober: Prober;
  readonly #live = new Map<string, LivePod>();

  constructor(context: EngineContext) {
    this.context = context;
    const { clock, report, wake } = context;
    this.prober = new Prober({
      clock,
      report,
      onResult: (result) => {
        this.#live.get(result.uid)?.probeResults.push(result);
        wake(result.uid);
      },
    });
  }

  /**
   * Brings the pod nearer to its spec until there is nothing to do now.
   * @throws PodError when a step failed in a way that no record can express; call again later.
   */
  async sync(pod: Pod): Promise<SyncResult> {
    const live = this.#liveOf(pod.metadata.uid);
    try {
      return await this.#sync(pod, live);
    } catch (error) {
      // The record may be behind what was done: the next look compares them, as that of a new daemon does.
      live.isAdopted = false;
      throw error;
    }
  }

  async #sync(pod: Pod, live: LivePod): Promise<SyncResult> {
    const { context, prober } = this;
    const { uid } = pod.metadata;
    const save = (record: PodRecord): PodRecord => {
      failpoint("pod/engine.record");
      context.records.put(uid, record);
      return record;
    };
    let record = this.record(uid) ?? save(this.#admit(pod));
    for (;;) {
      const input: StepInput = { context, pod, live, prober, record, save };
      const adopted = live.isAdopted ? record : await adopt(input);
      const taken = await absorb({ ...input, record: adopted });
      const nowMs = context.clock.now();
      const present = withoutFuture(taken, nowMs);
      record = present === taken ? taken : save(present);
      record = resizePod({ ...input, record });
      // From here on the pod is what it has been given.
      const given = withAllocation(pod, record.allocated);
      record = await refreshConfigVolumes({ ...input, pod: given, record });
      attend({ ...input, pod: given, record });
      const decision = decide(given, record, nowMs);
      if (decision.actions.length === 0) {
        return {
          status: this.#status(pod, record),
          ...wakeAt(
            decision.wakeAtMs,
            record.resize?.state === "Error" ? nowMs + resizeRetryMs : undefined,
            record.sandbox.state === "ready" ? live.refreshAtMs : undefined,
          ),
          isRemoved: false,
        };
      }
      for (const action of decision.actions) {
        if (action.kind === "removePod") {
          await removePod(context, uid);
          this.#live.delete(uid);
          prober.forget(uid);
          return { status: this.#status(pod, record), isRemoved: true };
        }
        record = await perform(action, { context, pod: given, live, prober, record, save });
      }
    }
  }

  /** What the engine knows about a pod; undefined before its first sync. */
  record(uid: string): PodRecord | undefined {
    return this.context.records.get(uid);
  }

  /** The pod's live state, for streams. */
  live(uid: string): LivePod | undefined {
    return this.#live.get(uid);
  }

  /** A pod was stored that is going to start. @param receivedMs - when its request came in, of performance.now() */
  received(uid: string, receivedMs: number): void {
    const { timings } = this.#liveOf(uid);
    timings.begin(receivedMs);
    timings.mark("object stored");
  }

  /** Resolves when an attempt has ended, at once if it has already. */
  async ended(uid: string, id: string): Promise<void> {
    const record = this.record(uid);
    const state = record === undefined ? undefined : findAttempt(record, id)?.attempt.state;
    if (state !== undefined && state !== "exited") await this.#liveOf(uid).ended(id);
  }

  /** Ends a pod as Failed with this reason; its worker does the rest. */
  evict(pod: Pod, terminal: { readonly reason: string; readonly message: string }): void {
    const { uid } = pod.metadata;
    const live = this.#live.get(uid);
    if (live === undefined || live.eviction !== undefined) return;
    // Not into the record: a sync that is under way holds a copy of it.
    live.eviction = terminal;
    this.context.report(pod, { type: "Warning", ...terminal });
    this.context.wake(uid);
  }

  /** An object that the pod refers to has come or changed: it is tried again without its back-off. */
  retry(uid: string): void {
    const live = this.#live.get(uid);
    if (live === undefined) return;
    live.isRetryAsked = true;
    live.isContentStale = true;
    this.context.wake(uid);
  }

  /** Something that any pod may wait for has come, e.g. an image. */
  retryAll(): void {
    for (const uid of this.#live.keys()) this.retry(uid);
  }

  /** The status of a pod as its record stands. */
  status(pod: Pod): PodStatus {
    return this.#status(pod, this.record(pod.metadata.uid) ?? this.#accept(pod));
  }

  /**
   * Removes what belongs to no pod in the store: left by a daemon that was killed while it
   * deleted, or by a store that was restored from a copy.
   * @param known - uids of all stored pods.
   */
  async collectOrphans(known: ReadonlySet<string>): Promise<void> {
    for (const uid of orphans(this.context, known)) {
      try {
        await removePod(this.context, uid);
      } catch (error) {
        this.context.log.warn({ uid, error: messageOf(error) }, "cannot remove an orphan");
      }
    }
  }

  /** Closes every connection; the pods keep running. */
  async close(): Promise<void> {
    this.prober.close();
    for (const live of this.#live.values()) live.hooks.keepOnly([]);
    await Promise.all([...this.#live.values()].map((live) => live.releaseShim()));
    this.#live.clear();
  }

  #liveOf(uid: string): LivePod {
    const known = this.#live.get(uid);
    if (known) return known;
    const live = new LivePod();
    this.#live.set(uid, live);
    return live;
  }

  /** The first record of a pod; it ends at once when this node does not take the pod. */
  #admit(pod: Pod): PodRecord {
    const { security, room, report } = this.context;
    const refusal = refusePod(pod, security) ?? room.refuse(pod);
    if (refusal === undefined) return this.#accept(pod);
    report(pod, { type: "Warning", ...refusal });
    const message = `Pod was rejected: ${refusal.message}`;
    return { ...this.#accept(pod), terminal: { ...refusal, message }, isRejected: true };
  }

  #accept(pod: Pod): PodRecord {
    const { uid, namespace, name } = pod.metadata;
    const { bootId, clock } = this.context;
    const record = newPodRecord({ uid, namespace, name }, bootId, clock.now());
    return { ...record, allocated: allocationOf(pod) };
  }

  #status(pod: Pod, record: PodRecord): PodStatus {
    const { clock, nodeAddress } = this.context;
    const given = withAllocation(pod, record.allocated);
    return podStatus({ pod: given, record, nowMs: clock.now(), hostIP: nodeAddress });
  }
}

/** The earlier of two times, if any. */
function wakeAt(...times: readonly (number | undefined)[]): { readonly wakeAtMs?: number } {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? {} : { wakeAtMs: Math.min(...known) };
}

async function perform(
  action: Exclude<Action, { kind: "removePod" }>,
  input: StepInput,
): Promise<PodRecord> {
  switch (action.kind) {
    case "startSandbox":
      return performSandboxStart(input);
    case "startContainer":
      return performContainerStart(input, action.ref);
    case "stopContainers":
      return performStops(input, action.orders);
    case "restartAll":
      return performRestartAll(input, action.ref);
    case "stopSandbox":
      return performSandboxStop(input);
    case "failPod":
      return performFailure(input, action);
    case "markTerminal":
      return input.save({ ...input.record, isTerminal: true });
    default:
      return assertNever(action);
  }
}

/** The node ends the pod; its containers follow. */
function performFailure(
  { context, pod, record, save }: StepInput,
  { reason, message }: { readonly reason: string; readonly message: string },
): PodRecord {
  const failed = save({ ...record, terminal: { reason, message } });
  context.report(pod, { type: "Normal", reason, message });
  return failed;
}
