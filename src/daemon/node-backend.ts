/**
 * The node behind the HTTP door: what a request does to the store, the engine and the images.
 * Every answer is given as soon as the intent is on the disk; the agent does the work meanwhile.
 */

import type { Agent } from "../agent/agent.ts";
import type {
  AttachOptions,
  Backend,
  ExecOptions,
  Images,
  PodLogOptions,
  PruneReport,
  Session,
  SystemInfo,
} from "../apiserver/backend.ts";
import { type Clock, toTime } from "../base/clock.ts";
import { PodError } from "../base/errors.ts";
import type { Digest } from "../base/ids.ts";
import { isDigest } from "../base/ids.ts";
import type { PodEngine } from "../pod/engine.ts";
import { explainPod } from "../pod/explain-pod.ts";
import { podLogs } from "../pod/pod-logs.ts";
import { attachToPod, execInPod } from "../pod/pod-streams.ts";
import type { Pod } from "../spec/pod.ts";
import type { Store } from "../store/store.ts";

export interface NodeBackendOptions {
  readonly store: Store;
  readonly images: Images;
  readonly engine: PodEngine;
  readonly agent: Agent;
  readonly clock: Clock;
  readonly info: () => SystemInfo;
  /** Removes what the instance has on this machine, after its pods are gone. */
  readonly dismantle: () => Promise<void>;
}

export class NodeBackend implements Backend {
  readonly store: Store;
  readonly images: Images;
  readonly #options: NodeBackendOptions;
  #isResetting = false;

  constructor(options: NodeBackendOptions) {
    this.store = options.store;
    this.images = options.images;
    this.#options = options;
  }

  async createPod(pod: Pod): Promise<Pod> {
    if (this.#isResetting) {
      throw new PodError("Unavailable", "The instance is being reset and takes no new pods");
    }
    return await this.#begin(this.store.create(pod, { durable: false }));
  }

  async replacePod(pod: Pod): Promise<Pod> {
    return await this.#begin(this.store.update(pod, { durable: false }));
  }

  async deletePod(
    namespace: string,
    name: string,
    options: { readonly gracePeriodSeconds?: number },
  ): Promise<Pod> {
    const nowMs = this.#options.clock.now();
    const marked = this.store.mutate<Pod>(
      "Pod",
      namespace,
      name,
      (pod) => markDeleted(pod, options.gracePeriodSeconds, nowMs),
      { durable: false },
    );
    if (marked === undefined) throw new PodError("NotFound", `pods "${name}" not found`);
    return await this.#begin(marked);
  }

  logs(pod: Pod, options: PodLogOptions): AsyncIterable<Uint8Array> {
    return podLogs(this.#options.engine, pod, options);
  }

  exec(pod: Pod, options: ExecOptions): Promise<Session> {
    return execInPod(this.#options.engine, pod, options);
  }

  attach(pod: Pod, options: AttachOptions): Promise<Session> {
    return attachToPod(this.#options.engine, pod, options);
  }

  async explain(pod: Pod): Promise<string> {
    // The listing is of no pod that exists: its uid stands for any.
    const example = { ...pod, metadata: { ...pod.metadata, uid: "<uid>" } };
    return explainPod(this.#options.engine.context, example);
  }

  async info(): Promise<SystemInfo> {
    return this.#options.info();
  }

  async prune(): Promise<PruneReport> {
    const finished = this.store
      .list<Pod>("Pod")
      .items.filter(({ status }) => status?.phase === "Succeeded" || status?.phase === "Failed");
    const pods = await Promise.all(finished.map((pod) => this.#deleteAndWait(pod, 0)));
    const images = await this.images.prune({ all: false, inUse: this.imagesInUse() });
    return { pods: pods.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`), images };
  }

  async reset(): Promise<void> {
    this.#isResetting = true;
    const pods = this.store.list<Pod>("Pod").items;
    await Promise.all(pods.map((pod) => this.#deleteAndWait(pod, 0)));
    await this.#options.dismantle();
  }

  /** Images of every attempt that a record remembers, and those that specs ask for. */
  imagesInUse(): ReadonlySet<Digest> {
    const used = this.store.list<Pod>("Pod").items.flatMap(({ metadata, spec }) => {
      const record = this.#options.engine.record(metadata.uid);
      const attempted = Object.values(record?.containers ?? {}).flatMap(({ current }) =>
        current === undefined ? [] : [current.imageId],
      );
      const asked = [...(spec.initContainers ?? []), ...spec.containers].flatMap(
        ({ image }) => this.images.find(image)?.id ?? [],
      );
      return [...attempted, ...asked];
    });
    return new Set(used.filter(isDigest));
  }

  /** The agent begins at once; who asked hears of it when no power cut can undo it any more. */
  async #begin(pod: Pod): Promise<Pod> {
    const isKept = this.store.flush();
    this.#options.agent.notice(pod);
    await isKept;
    return pod;
  }

  /** Deletes a pod and resolves when nothing of it is left. */
  async #deleteAndWait(pod: Pod, gracePeriodSeconds: number): Promise<Pod> {
    const { namespace, name, uid } = pod.metadata;
    const stop = new AbortController();
    const changes = this.store.watch<Pod>("Pod", {
      namespace,
      from: this.store.resourceVersion,
      signal: stop.signal,
    });
    await this.deletePod(namespace, name, { gracePeriodSeconds });
    for await (const { type, object } of changes) {
      if (type === "DELETED" && object.metadata.uid === uid) break;
    }
    stop.abort();
    return pod;
  }
}

/** A second deletion may only shorten the grace period; a finished pod needs none. */
function markDeleted(pod: Pod, wantedSeconds: number | undefined, nowMs: number): Pod | undefined {
  const { metadata, spec, status } = pod;
  const isFinished = status?.phase === "Succeeded" || status?.phase === "Failed";
  const seconds = isFinished ? 0 : (wantedSeconds ?? spec.terminationGracePeriodSeconds ?? 30);
  const known = metadata.deletionGracePeriodSeconds;
  if (metadata.deletionTimestamp !== undefined && known !== undefined && known <= seconds) {
    return undefined;
  }
  return {
    ...pod,
    metadata: {
      ...metadata,
      deletionTimestamp: toTime(nowMs + 1000 * seconds),
      deletionGracePeriodSeconds: seconds,
    },
  };
}
