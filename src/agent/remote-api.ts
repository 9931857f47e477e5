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
import { createVolumeFolder, ownFolder } from "../volume/local-path.ts";
import type { ClaimBinder } from "../volume/volume-kind.ts";
import { type ClusterApi, hasEnded, withEnd } from "./cluster-api.ts";
import { FetchedObject } from "./fetched-object.ts";
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
  /** Where this node makes the folders of claims. */
  readonly volumesFolder: string;
  /** Whether Services are led to their endpoints here. */
  readonly servesServices: boolean;
}

/** What the node follows as a whole, besides nodes and its own pods: as far as the rights of a kubelet go. */
const followedKinds = ["Service", "RuntimeClass"];

/** What rules and names of Services need besides. */
const proxiedKinds = ["EndpointSlice", "Namespace"];

/** What may be read and not followed. */
const fetchedKinds: ReadonlySet<string> = new Set(["PersistentVolumeClaim", "PersistentVolume"]);

/** What servers before a kind became stable have in its place, with the same fields as far as they are used here. */
const olderVersions: Readonly<Record<string, string>> = {
  EndpointSlice: "discovery.k8s.io/v1beta1",
};

/** Which objects of a kind, and by which version. */
interface Part {
  readonly namespace?: string;
  readonly fieldSelector?: string;
  readonly apiVersion?: string;
}

export class RemoteApi implements ClusterApi, ClaimBinder, Disposable {
  readonly objects: ObjectMirror = new ObjectMirror();
  readonly tokens: RemoteTokens;
  readonly #options: RemoteApiOptions;
  readonly #writer: StatusWriter;
  readonly #podObjects: PodObjects;
  readonly #reflectors = new Set<Reflector>();

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
      keep: (resource, namespace, name) =>
        fetchedKinds.has(resource.kind)
          ? new FetchedObject({ client, mirror: this.objects, clock, resource, namespace, name })
          : this.#follow(resource.kind, { namespace, fieldSelector: `metadata.name=${name}` }),
    });
  }

  /**
   * Resolves when the mirror has everything once that pods need; a server that is away is waited for. What belongs to
   * Services and to other nodes is followed as far as the node's rights go: what it may not read it says in its log.
   */
  async start(signal: AbortSignal): Promise<void> {
    const { nodeName, servesServices } = this.#options;
    const { promise, reject } = Promise.withResolvers<never>();
    const stop = (): void => reject(new PodError("Unavailable", "The agent is ending"));
    signal.addEventListener("abort", stop, { once: true });
    const needed = [
      this.#followed("Pod", { fieldSelector: `spec.nodeName=${nodeName}` }),
      ...followedKinds.map((kind) => this.#followed(kind)),
    ];
    const follow = async (): Promise<void> => {
      await Promise.all([this.#followNodes(), ...needed.map(({ synced }) => synced)]);
      // Now the server is there.
      if (servesServices) await Promise.all(proxiedKinds.map((kind) => this.#followProxied(kind)));
    };
    try {
      await Promise.race([promise, follow()]);
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

  /** Volumes are bound where the control plane is; here they are used, and those of local-path get their folder. */
  volumeOf(pod: Pod, volume: Volume): PersistentVolume {
    const { nodeName, volumesFolder } = this.#options;
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
    if (required !== undefined && !matchesNode(required, facts)) {
      throw refuse(`persistentvolume "${volumeName}" is not on this node`);
    }
    const folder = ownFolder({ ...facts, folder: volumesFolder }, found);
    if (folder !== undefined) createVolumeFolder(folder);
    return found;
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
    this.#podObjects[Symbol.dispose]();
    for (const reflector of this.#reflectors) reflector[Symbol.dispose]();
  }

  /** All nodes, or this one alone: since version 1.32 a kubelet may read no other. */
  async #followNodes(): Promise<void> {
    const { nodeName, log } = this.#options;
    const all = this.#followed("Node");
    const error = await all.outcome;
    if (error === undefined) return;
    this.#drop(all);
    log.warn({ error: error.message }, "may not read other nodes: no routes to their pods");
    await this.#followed("Node", { fieldSelector: `metadata.name=${nodeName}` }).synced;
  }

  /** Resolves also when the node has no right to: pods run without Services, and the right may come. */
  async #followProxied(kind: string): Promise<void> {
    const error = await this.#followed(kind, await this.#versionOf(kind)).outcome;
    if (error === undefined) return;
    this.#options.log.warn(
      { error: error.message },
      "may not serve Services: bind the node to a role that may, or start it with --no-service-proxy",
    );
  }

  /** An older version when the server has no other; what it may read, a node hears of neither. */
  async #versionOf(kind: string): Promise<Part> {
    const older = olderVersions[kind];
    const newer = resourceOfKind(kind)?.apiVersion;
    if (older === undefined) return {};
    try {
      await this.#options.client.json("GET", `/apis/${newer}`);
    } catch (error) {
      if (isPodError(error, "NotFound")) return { apiVersion: older };
    }
    return {};
  }

  #followed(kind: string, part: Part = {}): Reflector {
    const reflector = this.#follow(kind, part);
    this.#reflectors.add(reflector);
    return reflector;
  }

  #drop(reflector: Reflector): void {
    this.#reflectors.delete(reflector);
    reflector[Symbol.dispose]();
  }

  #follow(kind: string, { apiVersion, ...part }: Part): Reflector {
    const { client, clock, log } = this.#options;
    const known = resourceOfKind(kind);
    if (known === undefined) throw new PodError("Internal", `"${kind}" is no kind`);
    const resource = { ...known, ...(apiVersion !== undefined && { apiVersion }) };
    return new Reflector({ client, mirror: this.objects, clock, log, resource, ...part });
  }

  /** An account that the server gives tokens for is there, though its node may not read it. */
  #assumeAccount(namespace: string, name: string): void {
    if (this.objects.get("ServiceAccount", namespace, name) !== undefined) return;
    const metadata = { name, namespace, uid: "" };
    this.objects.put({ apiVersion: "v1", kind: "ServiceAccount", metadata });
  }
}
