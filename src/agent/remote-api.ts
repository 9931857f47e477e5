/**
 * The API for an agent that is alone: a mirror of what concerns its node, and writes by requests.
 *
 *   reflectors ─▶ mirror ─▶ agent, engine, scheduler's rules, Services
 *                   ▲
 *   prepare(pod) ───┘ what the pod refers to, its tokens          status-writer.ts, remote-events.ts ─▶ server
 */
import type { Clock } from "../base/clock.ts";
import { isPodError, PodError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { PersistentVolume, PersistentVolumeClaim } from "../spec/kubernetes.gen.ts";
import { matchesNode } from "../spec/match-selector.ts";
import type { Pod, PodStatus, Volume } from "../spec/pod.ts";
import { resourceOfKind } from "../spec/resources.ts";
import type { StoredObject } from "../store/watch-event.ts";
import { claimNameOf, isBound } from "../volume/claims.ts";
import type { ClaimBinder } from "../volume/volume-kind.ts";
import { type ClusterApi, hasEnded, withEnd } from "./cluster-api.ts";
import type { KubernetesClient } from "./kubernetes-client.ts";
import { ObjectMirror } from "./object-mirror.ts";
import { PodObjects } from "./pod-objects.ts";
import { Reflector } from "./reflector.ts";
import { RemoteTokens, tokenAccounts } from "./remote-tokens.ts";
import { podPath, StatusWriter } from "./status-writer.ts";

export interface RemoteApiOptions {
  readonly client: KubernetesClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
  /** Whether Services are led to their endpoints here. */
  readonly servesServices: boolean;
}

/** What the node follows as a whole, besides its own pods: as far as the rights of a kubelet go. */
const followedKinds = ["Node", "Service", "RuntimeClass"];

/** What rules and names of Services need besides. */
const proxiedKinds = ["EndpointSlice", "Namespace"];

export class RemoteApi implements ClusterApi, ClaimBinder, Disposable {
  readonly objects: ObjectMirror = new ObjectMirror();
  readonly tokens: RemoteTokens;
  readonly #options: RemoteApiOptions;
  readonly #writer: StatusWriter;
  readonly #podObjects: PodObjects;
  #reflectors: readonly Reflector[] = [];

  constructor(options: RemoteApiOptions) {
    const { client, clock, log } = options;
    this.#options = options;
    this.tokens = new RemoteTokens(client);
    this.#writer = new StatusWriter({
      client,
      clock,
      log,
      current: ({ metadata }) => this.objects.get("Pod", metadata.namespace, metadata.name),
    });
    this.#podObjects = new PodObjects({
      objects: this.objects,
      follow: ({ kind }, namespace, name) =>
        this.#follow(kind, { namespace, fieldSelector: `metadata.name=${name}` }),
    });
  }

  /** Resolves when the mirror has everything once; a server that is away is waited for. */
  async start(signal: AbortSignal): Promise<void> {
    const { nodeName, servesServices } = this.#options;
    const kinds = servesServices ? [...followedKinds, ...proxiedKinds] : followedKinds;
    this.#reflectors = [
      this.#follow("Pod", { fieldSelector: `spec.nodeName=${nodeName}` }),
      ...kinds.map((kind) => this.#follow(kind, {})),
    ];
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(new PodError("Unavailable", "The agent is ending"));
    signal.addEventListener("abort", stop, { once: true });
    try {
      await Promise.race([promise, Promise.all(this.#reflectors.map(({ synced }) => synced))]);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  async followPods(onPod: (pod: Pod, isGone: boolean) => void, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const unfollow = this.objects.follow(({ type, object }) => {
      if (object.kind === "Pod") onPod(object as StoredObject & Pod, type === "DELETED");
    });
    signal.addEventListener("abort", () => resolve(), { once: true });
    for (const pod of this.objects.list<Pod>("Pod").items) onPod(pod, false);
    await promise;
    unfollow();
  }

  async prepare(pod: Pod): Promise<void> {
    const { clock } = this.#options;
    await Promise.all([this.#podObjects.prepare(pod), this.tokens.prepare(pod, clock.now())]);
    for (const name of tokenAccounts(pod)) this.#assumeAccount(pod.metadata.namespace, name);
  }

  release(uid: string): void {
    this.#podObjects.release(uid);
    this.tokens.forget(uid);
  }

  publish(pod: Pod, status: PodStatus): void {
    this.#writer.publish(pod, status);
  }

  /** Here nothing is lost that the node does not know. */
  async flush(): Promise<void> {}

  async remove(pod: Pod): Promise<void> {
    const { client } = this.#options;
    const { uid, namespace, name } = pod.metadata;
    const current = this.objects.get<Pod>("Pod", namespace, name);
    if (current?.metadata.finalizers?.length && !hasEnded(current.status)) {
      this.#writer.publish(pod, withEnd(current.status));
    }
    await this.#writer.settled(uid);
    try {
      await client.json("DELETE", podPath(pod), {
        body: {
          apiVersion: "v1",
          kind: "DeleteOptions",
          gracePeriodSeconds: 0,
          preconditions: { uid },
        },
      });
    } catch (error) {
      // Gone already, or another one has its name.
      if (!isPodError(error, "NotFound") && !isPodError(error, "Conflict")) throw error;
    }
  }

  /** Volumes are bound where the control plane is; here they are used. */
  volumeOf(pod: Pod, volume: Volume): PersistentVolume {
    const { nodeName } = this.#options;
    const name = claimNameOf(pod, volume) ?? "";
    const refuse = (why: string): PodError =>
      new PodError("FailedPrecondition", why, { data: { reason: "FailedMount" } });
    const { namespace } = pod.metadata;
    const claim = this.objects.get<PersistentVolumeClaim>("PersistentVolumeClaim", namespace, name);
    if (claim === undefined) throw refuse(`persistentvolumeclaim "${name}" not found`);
    const { volumeName = "" } = claim.spec;
    const found = this.objects.get<PersistentVolume>("PersistentVolume", "", volumeName);
    if (!isBound(claim) || found === undefined) {
      throw refuse(`persistentvolumeclaim "${name}" is not bound`);
    }
    const required = found.spec.nodeAffinity?.required;
    const node = this.objects.get<StoredObject>("Node", "", nodeName);
    const facts = { name: nodeName, labels: node?.metadata.labels ?? {} };
    if (required === undefined || matchesNode(required, facts)) return found;
    throw refuse(`persistentvolume "${volumeName}" is not on this node`);
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
    this.#podObjects[Symbol.dispose]();
    for (const reflector of this.#reflectors) reflector[Symbol.dispose]();
  }

  #follow(kind: string, part: { namespace?: string; fieldSelector?: string }): Reflector {
    const { client, clock, log } = this.#options;
    const resource = resourceOfKind(kind);
    if (resource === undefined) throw new PodError("Internal", `"${kind}" is no kind`);
    return new Reflector({ client, mirror: this.objects, clock, log, resource, ...part });
  }

  /** An account that the server gives tokens for is there, though its node may not read it. */
  #assumeAccount(namespace: string, name: string): void {
    if (this.objects.get("ServiceAccount", namespace, name) !== undefined) return;
    const metadata = { name, namespace, uid: "" };
    this.objects.put({ apiVersion: "v1", kind: "ServiceAccount", metadata });
  }
}
