/**
 * The kubelet part: follows the pods of the API that are bound to this node and keeps one worker for each.
 *
 *   api.followPods() ─▶ worker(uid) ─▶ engine.sync(pod) ─▶ api.publish(status)
 *                            ▲
 *            shim events ────┘ wake(uid)
 */
import type { Clock } from "../base/clock.ts";
import { failpoint } from "../base/failpoint.ts";
import type { Logger } from "../base/log.ts";
import type { PodEngine } from "../pod/engine.ts";
import type { Pod } from "../spec/pod.ts";
import { type ClusterApi, hasEnded } from "./cluster-api.ts";
import type { EventRecorder } from "./event-recorder.ts";
import { ObjectWatcher } from "./object-watcher.ts";
import { PodWorker } from "./pod-worker.ts";

export interface AgentOptions {
  readonly api: ClusterApi;
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
  /** What was last told of its readiness. */
  published?: string | undefined;
}

export class Agent {
  readonly #options: AgentOptions;
  readonly #pods = new Map<string, Managed>();
  readonly #stop = new AbortController();
  #closed: Promise<void> | undefined;
  readonly #objects: ObjectWatcher;
  #watching: Promise<void> | undefined;
  #roomChanges = 0;

  constructor(options: AgentOptions) {
    this.#options = options;
    const { api, engine } = options;
    const { objects } = api;
    this.#objects = new ObjectWatcher({ store: objects, onChange: (uid) => engine.retry(uid) });
  }

  /** Removes orphans, adopts every pod of the node and follows changes from then on. */
  async start(): Promise<void> {
    const { api, engine } = this.#options;
    const pods = api.objects.list<Pod>("Pod").items;
    for (const pod of pods) {
      const { nodeName } = pod.spec;
      // One that runs here since a version which bound none is ours.
      if (!nodeName && engine.record(pod.metadata.uid) !== undefined) api.adopt?.(pod);
    }
    await engine.collectOrphans(new Set(pods.map(({ metadata }) => metadata.uid)));
    this.#watching = api.followPods((pod, isGone) => {
      if (isGone) this.wake(pod.metadata.uid);
      else this.notice(pod);
    }, this.#stop.signal);
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
    if (known?.wish === wish) {
      if (this.#isContradicted(known, pod)) known.worker.wake();
      return;
    }
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

  /** Stops working; pods keep running. Who asks again waits for the same end. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    await Promise.all([...this.#pods.values()].map(({ worker }) => worker.close()));
    await this.#watching;
    this.#objects[Symbol.dispose]();
    this.#options.events.flush();
    await this.#options.engine.close();
  }

  /** Somebody else spoke for this node, which was silent: whether its pod is said not to be what it is. */
  #isContradicted({ published }: Managed, { metadata, status }: Pod): boolean {
    if (published === undefined || published === readiness(status)) return false;
    // What was followed may be older than what was published.
    const { namespace, name } = metadata;
    const now = this.#options.api.objects.get<Pod>("Pod", namespace, name);
    return now !== undefined && readiness(now.status) !== published;
  }

  #newWorker(uid: string, namespace: string, name: string): PodWorker {
    const { api, engine, clock, log, events } = this.#options;
    const stored = (): Pod | undefined => {
      const pod = api.objects.get<Pod>("Pod", namespace, name);
      return pod?.metadata.uid === uid ? pod : undefined;
    };
    return new PodWorker({
      clock,
      log: log.child({ pod: `${namespace}/${name}` }),
      onRemoved: () => {
        this.#pods.delete(uid);
        this.#objects.forget(uid);
        api.release?.(uid);
        events.flush();
        events.forget(uid);
      },
      sync: async () => {
        const first = stored();
        // In process nothing is to be waited for.
        if (first !== undefined && api.prepare !== undefined) await api.prepare(first);
        const pod = stored();
        if (pod === undefined) {
          await engine.collectOrphans(this.#uidsExcept(uid));
          return { isRemoved: true };
        }
        const changes = this.#roomChanges;
        const result = await engine.sync(pod);
        if (result.isRemoved) {
          failpoint("agent/agent.object");
          const removal = api.remove(pod);
          if (removal !== undefined) await removal;
          return result;
        }
        // Who was told that a pod has ended must not find it running again after a power cut.
        if (hasEnded(result.status) && !hasEnded(pod.status)) await api.flush();
        const known = this.#pods.get(uid);
        if (known) {
          known.isDeferred = isResizeDeferred(result.status);
          known.published = readiness(result.status);
          // There may be room since the node was asked.
          if (known.isDeferred && changes !== this.#roomChanges) known.worker.wake();
        }
        api.publish(pod, result.status);
        // Who sees the status finds the events that explain it.
        events.flush();
        return result;
      },
    });
  }

  #uidsExcept(uid: string): ReadonlySet<string> {
    const { items } = this.#options.api.objects.list<Pod>("Pod");
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

/** What Services go by. */
function readiness(status: Pod["status"]): string {
  return status?.conditions?.find(({ type }) => type === "Ready")?.status ?? "";
}
