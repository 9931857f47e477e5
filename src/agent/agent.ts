/**
 * The kubelet part: watches the pods of the store that are bound to this node and keeps one worker for each.
 *
 *   store.watch(Pod) ─▶ worker(uid) ─▶ engine.sync(pod) ─▶ status into the store
 *                            ▲
 *            shim events ────┘ wake(uid)
 */
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { PodEngine } from "../pod/engine.ts";
import { withForeignStatus } from "../pod/status.ts";
import type { Pod } from "../spec/pod.ts";
import type { Store } from "../store/store.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { ObjectWatcher } from "./object-watcher.ts";
import { PodWorker } from "./pod-worker.ts";

export interface AgentOptions {
  readonly store: Store;
  readonly engine: PodEngine;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
}

interface Managed {
  readonly worker: PodWorker;
  readonly namespace: string;
  readonly name: string;
  /** What the last wake-up was for: a change of status alone wakes nobody. */
  wish: string;
  /** Its resize waits for other pods to go. */
  isDeferred: boolean;
  /** Labels and annotations, which volumes and variables may show. */
  description: string;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #pods = new Map<string, Managed>();
  readonly #stop = new AbortController();
  readonly #objects: ObjectWatcher;
  #watching: Promise<void> | undefined;
  #roomChanges = 0;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { store, engine } = options;
    this.#objects = new ObjectWatcher({ store, onChange: (uid) => engine.retry(uid) });
  }

  /** Removes orphans, adopts every pod of the store and follows changes from then on. */
  async start(): Promise<void> {
    const { store, engine } = this.#options;
    const pods = store.list<Pod>("Pod").items;
    for (const pod of pods) if (!pod.spec.nodeName) this.#claim(pod);
    await engine.collectOrphans(new Set(pods.map(({ metadata }) => metadata.uid)));
    this.#watching = this.#watch();
  }

  /** Syncs a pod soon. */
  wake(uid: string): void {
    this.#pods.get(uid)?.worker.wake();
  }

  /** Other pods have come, gone or changed: resizes that wait for room are tried again. */
  noticeRoom(): void {
    this.#roomChanges++;
    for (const { worker, isDeferred } of this.#pods.values()) if (isDeferred) worker.wake();
  }

  /** Number of pods that it works for. */
  get size(): number {
    return this.#pods.size;
  }

  /** Takes a pod that was just stored, without waiting for the watch to tell; those of other nodes are none of ours. */
  notice(pod: Pod): void {
    const { uid, namespace, name } = pod.metadata;
    const wish = wishOf(pod);
    const description = JSON.stringify([pod.metadata.labels, pod.metadata.annotations]);
    const known = this.#pods.get(uid);
    if (known === undefined && pod.spec.nodeName !== this.#options.nodeName) return;
    if (known && known.description !== description) {
      known.description = description;
      this.#options.engine.retry(uid);
    }
    if (known?.wish === wish) return;
    this.#objects.track(pod);
    if (known) {
      known.wish = wish;
      known.worker.wake();
      return;
    }
    const worker = this.#newWorker(uid, namespace, name);
    this.#pods.set(uid, { worker, namespace, name, wish, description, isDeferred: false });
    worker.wake();
  }

  /** Stops working; pods keep running. */
  async close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#pods.values()].map(({ worker }) => worker.close()));
    await this.#watching;
    this.#objects[Symbol.dispose]();
    this.#options.events.flush();
    await this.#options.engine.close();
  }

  async #watch(): Promise<void> {
    const { store, log } = this.#options;
    try {
      for await (const { type, object } of store.watch<Pod>("Pod", { signal: this.#stop.signal })) {
        if (type === "ADDED" || type === "MODIFIED") this.notice(object);
      }
    } catch (error) {
      log.error({ error: messageOf(error) }, "the watch of pods failed");
      // Expired: the log was compacted past us; begin again with all there is.
      if (!this.#stop.signal.aborted) await this.#watch();
    }
  }

  /** A pod that runs here since a version which bound none is ours. */
  #claim({ metadata }: Pod): void {
    const { store, engine, nodeName } = this.#options;
    const { uid, namespace, name } = metadata;
    if (engine.record(uid) === undefined) return;
    store.mutate<Pod>("Pod", namespace, name, (pod) => ({
      ...pod,
      spec: { ...pod.spec, nodeName },
    }));
  }

  /** Who holds a pod that has been removed sees how it ended. Source: Kubernetes, "Pod Lifecycle", "Pod phase". */
  #publishEnd({ metadata: { namespace, name, uid } }: Pod): void {
    this.#options.store.mutate<Pod>(
      "Pod",
      namespace,
      name,
      (pod) => {
        if (pod.metadata.uid !== uid || hasEnded(pod.status)) return undefined;
        const { containerStatuses: containers = [] } = pod.status ?? {};
        const isGood =
          containers.length > 0 &&
          containers.every(({ state }) => state?.terminated?.exitCode === 0);
        return { ...pod, status: { ...pod.status, phase: isGood ? "Succeeded" : "Failed" } };
      },
      { durable: false },
    );
  }

  #newWorker(uid: string, namespace: string, name: string): PodWorker {
    const { store, engine, clock, log, events } = this.#options;
    return new PodWorker({
      clock,
      log: log.child({ pod: `${namespace}/${name}` }),
      onRemoved: () => {
        this.#pods.delete(uid);
        this.#objects.forget(uid);
        events.flush();
        events.forget(uid);
      },
      sync: async () => {
        const pod = store.get<Pod>("Pod", namespace, name);
        if (pod === undefined || pod.metadata.uid !== uid) {
          await engine.collectOrphans(this.#uidsExcept(uid));
          return { isRemoved: true };
        }
        const changes = this.#roomChanges;
        const result = await engine.sync(pod);
        if (result.isRemoved) {
          const held = store.get<Pod>("Pod", namespace, name)?.metadata.finalizers ?? [];
          // Its deletion is on the disk already: a power cut only has it removed once more.
          // A change that takes the last finalizer away makes a new worker, which comes here again.
          if (held.length === 0) store.delete("Pod", namespace, name, uid, { durable: false });
          else this.#publishEnd(pod);
          return result;
        }
        // Who was told that a pod has ended must not find it running again after a power cut.
        if (hasEnded(result.status) && !hasEnded(pod.status)) await store.flush();
        const known = this.#pods.get(uid);
        if (known) {
          known.isDeferred = isResizeDeferred(result.status);
          // There may be room since the node was asked.
          if (known.isDeferred && changes !== this.#roomChanges) known.worker.wake();
        }
        this.#publish(pod, result.status);
        return result;
      },
    });
  }

  #publish(pod: Pod, status: Pod["status"]): void {
    const { namespace, name, uid } = pod.metadata;
    if (status === undefined) return;
    this.#options.store.mutate<Pod>(
      "Pod",
      namespace,
      name,
      (current) =>
        current.metadata.uid === uid
          ? { ...current, status: withForeignStatus(status, current.status) }
          : undefined,
      { durable: false },
    );
  }

  #uidsExcept(uid: string): ReadonlySet<string> {
    const { items } = this.#options.store.list<Pod>("Pod");
    return new Set(
      [...items.map(({ metadata }) => metadata.uid), ...this.#pods.keys()].filter(
        (known) => known !== uid,
      ),
    );
  }
}

/** The part of a pod that somebody wishes, as opposed to what the agent reports. */
function wishOf({ metadata, spec, status }: Pod): string {
  const { deletionTimestamp, deletionGracePeriodSeconds, generation } = metadata;
  // Readiness gates are conditions that others set.
  const gates = (spec.readinessGates ?? []).map(({ conditionType }) => {
    return status?.conditions?.find(({ type }) => type === conditionType)?.status;
  });
  return JSON.stringify([deletionTimestamp, deletionGracePeriodSeconds, generation, gates, spec]);
}

function isResizeDeferred(status: Pod["status"]): boolean {
  return !!status?.conditions?.some(
    ({ type, reason }) => type === "PodResizePending" && reason === "Deferred",
  );
}

function hasEnded(status: Pod["status"]): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
