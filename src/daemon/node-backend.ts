/**
 * The node behind the HTTP door: what a request does to the store, the engine and the images.
 * Every answer is given as soon as the intent is on the disk; the agent does the work meanwhile.
 */

import type { Duplex } from "node:stream";
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
import type { Clock } from "../base/clock.ts";
import { PodError } from "../base/errors.ts";
import type { Digest } from "../base/ids.ts";
import { isDigest } from "../base/ids.ts";
import { ensureServiceAccount } from "../controller/first-objects.ts";
import { type CopyWork, copyInPod } from "../pod/copy-session.ts";
import type { PodEngine } from "../pod/engine.ts";
import { explainPod } from "../pod/explain-pod.ts";
import { type PodFacts, podFacts } from "../pod/pod-facts.ts";
import { podLogs } from "../pod/pod-logs.ts";
import { type MachineUsage, PodMeter, type PodUsage } from "../pod/pod-meter.ts";
import { attachToPod, execInPod } from "../pod/pod-streams.ts";
import { connectToPod } from "../pod/port-forward.ts";
import type { DeletionWish } from "../spec/deletion.ts";
import type { Node, Service } from "../spec/kubernetes.gen.ts";
import { notFound } from "../spec/object-problem.ts";
import type { Pod } from "../spec/pod.ts";
import type { KubernetesObject } from "../spec/resources.ts";
import { warningsOf } from "../spec/warnings.ts";
import { type Deletion, deleteObject, finishDeletion } from "../store/delete-object.ts";
import type { Store } from "../store/store.ts";
import type { NodeEndpoints } from "./node-endpoints.ts";

export interface NodeBackendOptions {
  readonly store: Store;
  readonly nodeName: string;
  readonly images: Images;
  readonly engine: PodEngine;
  readonly agent: Agent;
  readonly clock: Clock;
  readonly mountsTokens: boolean;
  readonly tokens: Backend["tokens"];
  /** A Service with its address and ports of the node. */
  readonly allocate: (service: Service) => Service;
  /** A new pod with its node, if there is one for it now. */
  readonly place: (pod: Pod) => Pod;
  readonly info: () => SystemInfo;
  /** Leads to other nodes; absent: there are none. */
  readonly endpoints?: NodeEndpoints;
  /** Of the node, when they are not in the store. */
  readonly pods?: () => readonly Pod[];
  /** Removes what the instance has on this machine, after its pods are gone. */
  readonly dismantle: () => Promise<void>;
}

export class NodeBackend implements Backend {
  readonly store: Store;
  readonly nodeName: string;
  readonly images: Images;
  readonly mountsTokens: boolean;
  readonly tokens: Backend["tokens"];
  readonly #options: NodeBackendOptions;
  readonly #meter: PodMeter;
  #isResetting = false;

  constructor(options: NodeBackendOptions) {
    this.store = options.store;
    this.nodeName = options.nodeName;
    this.images = options.images;
    this.mountsTokens = options.mountsTokens;
    this.tokens = options.tokens;
    this.#options = options;
    this.#meter = new PodMeter(options.engine);
  }

  async createObject<T extends KubernetesObject>(object: T, receivedMs?: number): Promise<T> {
    const created = this.createNow(object);
    if (isPod(created) && receivedMs !== undefined && !this.#isElsewhere(created)) {
      this.#options.engine.received(created.metadata.uid, receivedMs);
    }
    return await this.#begin(created);
  }

  /** Stores a new object that passed the door; not durable by itself. @throws PodError AlreadyExists. */
  createNow<T extends KubernetesObject>(object: T): T {
    if (this.#isResetting) {
      throw new PodError("Unavailable", "The instance is being reset and takes nothing new");
    }
    // With its node when there is one at once: what is stored first is the pod that starts.
    const placed = isPod(object) ? this.#options.place(object) : this.#allocated(object);
    // A pod that is placed is a pod.
    const created = this.store.create(placed as T, { durable: false });
    if (created.kind === "Namespace") ensureServiceAccount(this.store, created, this.#nowMs());
    if (isPod(created)) this.#warn(created);
    return created;
  }

  async replaceObject<T extends KubernetesObject>(object: T): Promise<T> {
    const updated = this.store.update(this.#allocated(object), { durable: false });
    return await this.#begin(finishDeletion(this.store, updated).object);
  }

  async deleteObject<T extends KubernetesObject>(
    object: T,
    wish: Omit<DeletionWish, "nowMs">,
  ): Promise<Deletion<T>> {
    const deletion = deleteObject<T>(this.store, object, { ...wish, nowMs: this.#nowMs() });
    if (deletion === undefined) throw notFound(object.kind, object.metadata.name);
    // As in Kubernetes: deletion without grace does not wait for a node, which may never come back.
    const isForced = wish.gracePeriodSeconds === 0 && !deletion.isGone;
    const last = isForced && this.#isElsewhere(deletion.object) && this.#forget(deletion.object);
    await this.#begin(last || deletion.object);
    return last ? { object: last, isGone: true } : deletion;
  }

  logs(pod: Pod, options: PodLogOptions): AsyncIterable<Uint8Array> {
    return this.#elsewhere(pod)?.logs(pod, options) ?? podLogs(this.#options.engine, pod, options);
  }

  exec(pod: Pod, options: ExecOptions): Promise<Session> {
    return (
      this.#elsewhere(pod)?.exec(pod, options) ?? execInPod(this.#options.engine, pod, options)
    );
  }

  attach(pod: Pod, options: AttachOptions): Promise<Session> {
    return (
      this.#elsewhere(pod)?.attach(pod, options) ?? attachToPod(this.#options.engine, pod, options)
    );
  }

  async usageOfPods(pods: readonly Pod[]): Promise<readonly PodUsage[]> {
    const own = pods.filter((pod) => !this.#isElsewhere(pod));
    const others = pods.filter((pod) => this.#isElsewhere(pod));
    const uids = new Set(others.map(({ metadata }) => metadata.uid));
    const nodes = new Set(others.map(({ spec }) => spec.nodeName ?? ""));
    const [here, ...there] = await Promise.all([
      this.#meter.pods(own),
      ...[...nodes].map(async (node) => (await this.#usageOf(node))?.pods ?? []),
    ]);
    return [...here, ...there.flat().filter(({ uid }) => uids.has(uid))];
  }

  async usageOfMachines(): Promise<readonly MachineUsage[]> {
    const names = this.store.list<Node>("Node").items.map(({ metadata }) => metadata.name);
    const others = names.filter((name) => name !== this.nodeName);
    const [own, ...there] = await Promise.all([
      this.#meter.machine(),
      ...others.map(async (name) => (await this.#usageOf(name))?.machine),
    ]);
    return [own, ...there.filter((usage) => usage !== undefined)];
  }

  copy(pod: Pod, container: string, work: CopyWork): Promise<Session> {
    return (
      this.#elsewhere(pod)?.copy(pod, container, work) ??
      copyInPod(this.#options.engine, pod, container, work)
    );
  }

  connectPort(pod: Pod, port: number): Promise<Duplex> {
    return (
      this.#elsewhere(pod)?.connectPort(pod, port) ?? connectToPod(this.#options.engine, pod, port)
    );
  }

  facts(pod: Pod): PodFacts {
    return podFacts(this.#options.engine, pod);
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
    for (const pod of pods) this.#letGo(pod);
    await Promise.all(pods.map((pod) => this.#deleteAndWait(pod, 0)));
    await this.#options.dismantle();
  }

  /** Images of every attempt that a record remembers, and those that specs ask for. */
  imagesInUse(): ReadonlySet<Digest> {
    const used = this.#pods().flatMap(({ metadata, spec }) => {
      const record = this.#options.engine.record(metadata.uid);
      const attempted = Object.values(record?.containers ?? {}).flatMap(({ current }) =>
        current === undefined ? [] : [current.imageId],
      );
      const { volumes = new Map() } = this.#options.engine.live(metadata.uid) ?? {};
      const mounted = [...volumes.values()].flatMap(({ imageId }) => imageId ?? []);
      const references = (spec.volumes ?? []).flatMap(({ image }) => image?.reference ?? []);
      const asked = [...(spec.initContainers ?? []), ...spec.containers]
        .map(({ image }) => image)
        .concat(references)
        .flatMap((image) => this.images.find(image)?.id ?? []);
      return [...attempted, ...mounted, ...asked];
    });
    return new Set(used.filter(isDigest));
  }

  /** Between this and the write nothing waits: what is given here is not given twice. */
  #allocated<T extends KubernetesObject>(object: T): T {
    if (object.kind !== "Service" || object.metadata.deletionTimestamp !== undefined) return object;
    // A Service is allocated as a Service.
    return this.#options.allocate(object as unknown as Service) as unknown as T;
  }

  /** The agent begins at once; who asked hears of it when no power cut can undo it any more. */
  async #begin<T extends KubernetesObject>(object: T): Promise<T> {
    const isKept = this.store.flush();
    if (isPod(object)) this.#options.agent.notice(object);
    await isKept;
    return object;
  }

  /** What a node that does not answer uses, nobody knows. */
  async #usageOf(node: string): Promise<Awaited<ReturnType<NodeEndpoints["usage"]>> | undefined> {
    try {
      return await this.#options.endpoints?.usage(node);
    } catch (error) {
      if (error instanceof PodError) return undefined;
      throw error;
    }
  }

  #pods(): readonly Pod[] {
    return this.#options.pods?.() ?? this.store.list<Pod>("Pod").items;
  }

  /** The way to the node that has the pod, when that is another one. */
  #elsewhere(pod: Pod): NodeEndpoints | undefined {
    return this.#isElsewhere(pod) ? this.#options.endpoints : undefined;
  }

  /** Whether it is a pod that another node has. */
  #isElsewhere(object: KubernetesObject): boolean {
    return isPod(object) && !!object.spec.nodeName && object.spec.nodeName !== this.nodeName;
  }

  /** Takes an object away that nothing but its node holds. */
  #forget<T extends KubernetesObject>({ kind, metadata }: T): T | undefined {
    const { namespace, name, uid, finalizers = [] } = metadata;
    if (finalizers.length > 0) return undefined;
    return this.store.delete<T>(kind, namespace, name, uid, { durable: false });
  }

  /** What the pod asks for and does not get, also for who did not see the answer. */
  #warn(pod: Pod): void {
    for (const message of warningsOf(pod)) {
      const event = { type: "Warning", reason: "FieldIgnored", message } as const;
      this.#options.engine.context.report(pod, event);
    }
  }

  /** Takes the finalizers away: nobody will do any more what they wait for. */
  #letGo({ metadata }: Pod): void {
    const { namespace, name } = metadata;
    this.store.mutate<Pod>(
      "Pod",
      namespace,
      name,
      (pod) => {
        const { finalizers: _, ...rest } = pod.metadata;
        return { ...pod, metadata: rest };
      },
      { durable: false },
    );
  }

  #nowMs(): number {
    return this.#options.clock.now();
  }

  /** Deletes a pod and resolves when nothing of it is left. */
  async #deleteAndWait(pod: Pod, gracePeriodSeconds: number): Promise<Pod> {
    const { namespace, uid } = pod.metadata;
    const stop = new AbortController();
    const changes = this.store.watch<Pod>("Pod", {
      namespace,
      from: this.store.resourceVersion,
      signal: stop.signal,
    });
    await this.deleteObject(pod, { gracePeriodSeconds });
    for await (const { type, object } of changes) {
      if (type === "DELETED" && object.metadata.uid === uid) break;
    }
    stop.abort();
    return pod;
  }
}

function isPod(object: KubernetesObject): object is Pod {
  return object.kind === "Pod";
}
