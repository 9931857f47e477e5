/**
 * Nodes and pods in memory, as of the last commit: what the scheduler and its like decide by. Told of every change;
 * whoever follows it hears of those that can make a difference to where pods may be.
 */

import { type Cluster, hasEnded, type NodeState, nodeFacts } from "../scheduler/cluster.ts";
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
} from "../spec/kubernetes.gen.ts";
import type { Labels } from "../spec/match-selector.ts";
import type { Pod } from "../spec/pod.ts";
import type { ObjectSource } from "../store/object-source.ts";
import type { StoredObject, WatchEvent } from "../store/watch-event.ts";
import { claimNameOf, isBound, isReachable } from "../volume/claims.ts";

/** A change that may matter. */
export type ClusterChange =
  | { readonly kind: "Node"; readonly name: string }
  | { readonly kind: "Pod"; readonly pod: Pod }
  /** Volumes, claims, classes, namespaces: what a pod that waits may wait for. */
  | { readonly kind: "other" };

const others: ReadonlySet<string> = new Set([
  "Namespace",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "StorageClass",
]);

const noPods: ReadonlyMap<string, Pod> = new Map();

export class ClusterState implements Disposable {
  readonly #store: ObjectSource;
  readonly #ownNode: string | undefined;
  readonly #nodes = new Map<string, Node>();
  /** Pods that have not ended, by uid; those that nobody has bound yet are under "". */
  readonly #pods = new Map<string, Map<string, Pod>>();
  /** Node of each pod, by uid. */
  readonly #places = new Map<string, string>();
  readonly #listeners = new Set<(change: ClusterChange) => void>();
  readonly #unfollow: () => void;

  /** @param ownNode - where volumes of claims are made; absent: nobody asks where pods may go. */
  constructor(store: ObjectSource, ownNode?: string) {
    this.#store = store;
    this.#ownNode = ownNode;
    for (const node of store.list<Node>("Node").items) this.#nodes.set(node.metadata.name, node);
    for (const pod of store.list<Pod>("Pod").items) this.#put(pod);
    this.#unfollow = store.follow((change) => this.#notice(change));
  }

  /** Calls `listener` after a change; it must not write to the store. @returns ends it. */
  follow(listener: (change: ClusterChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  cluster(): Cluster {
    const nodes = [...this.#nodes.values()].map((node) => this.#stateOf(node));
    return {
      nodes,
      namespaceLabels: (name) => this.#namespaceLabels(name),
      reachesVolumes: (pod, node) => this.#reachesVolumes(pod, node),
    };
  }

  /** A node with its pods; undefined when there is no such node. */
  node(name: string): NodeState | undefined {
    const node = this.#nodes.get(name);
    return node === undefined ? undefined : this.#stateOf(node);
  }

  /** Pods that no node has. */
  unbound(): readonly Pod[] {
    return [...(this.#pods.get("") ?? noPods).values()];
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#listeners.clear();
  }

  #stateOf(node: Node): NodeState {
    return { node, pods: [...(this.#pods.get(node.metadata.name) ?? noPods).values()] };
  }

  /** What is not bound yet is bound by who makes volumes; it says itself why not. */
  #reachesVolumes(pod: Pod, node: Node): boolean {
    if (this.#ownNode === undefined || node.metadata.name === this.#ownNode) return true;
    return (pod.spec.volumes ?? []).every((volume) => {
      const name = claimNameOf(pod, volume);
      if (name === undefined) return true;
      const claim = this.#store.get<PersistentVolumeClaim>(
        "PersistentVolumeClaim",
        pod.metadata.namespace,
        name,
      );
      if (claim === undefined || !isBound(claim)) return false;
      const { volumeName = "" } = claim.spec;
      const found = this.#store.get<PersistentVolume>("PersistentVolume", "", volumeName);
      return found !== undefined && isReachable(found, nodeFacts(node));
    });
  }

  #namespaceLabels(name: string): Labels {
    return this.#store.get<Namespace>("Namespace", "", name)?.metadata.labels ?? {};
  }

  #notice({ type, object }: WatchEvent<StoredObject>): void {
    if (object.kind === "Pod") this.#noticePod(type, object as StoredObject & Pod);
    else if (object.kind === "Node") this.#noticeNode(type, object as StoredObject & Node);
    else if (others.has(object.kind)) this.#tell({ kind: "other" });
  }

  #noticePod(type: string, pod: Pod): void {
    const before = this.#find(pod.metadata.uid);
    if (type === "DELETED") this.#remove(pod.metadata.uid);
    else this.#put(pod);
    const after = this.#find(pod.metadata.uid);
    if (placeText(before) !== placeText(after)) this.#tell({ kind: "Pod", pod });
  }

  #noticeNode(type: string, node: Node): void {
    const { name } = node.metadata;
    const before = this.#nodes.get(name);
    if (type === "DELETED") this.#nodes.delete(name);
    else this.#nodes.set(name, node);
    if (nodeText(before) !== nodeText(this.#nodes.get(name))) this.#tell({ kind: "Node", name });
  }

  #find(uid: string): Pod | undefined {
    const place = this.#places.get(uid);
    return place === undefined ? undefined : this.#pods.get(place)?.get(uid);
  }

  #put(pod: Pod): void {
    const { uid } = pod.metadata;
    const place = pod.spec.nodeName ?? "";
    if (this.#places.get(uid) !== place || hasEnded(pod)) this.#remove(uid);
    if (hasEnded(pod)) return;
    const pods = this.#pods.get(place) ?? new Map();
    this.#pods.set(place, pods.set(uid, pod));
    this.#places.set(uid, place);
  }

  #remove(uid: string): void {
    const place = this.#places.get(uid);
    if (place === undefined) return;
    this.#places.delete(uid);
    const pods = this.#pods.get(place);
    pods?.delete(uid);
    if (pods?.size === 0) this.#pods.delete(place);
  }

  #tell(change: ClusterChange): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** What others see of a pod: where it is, what it occupies, what it is called. */
function placeText(pod: Pod | undefined): string | undefined {
  if (pod === undefined) return undefined;
  const { labels, generation, deletionTimestamp } = pod.metadata;
  const { nodeName, schedulingGates, tolerations } = pod.spec;
  const held = [
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.containerStatuses ?? []),
  ].map(({ allocatedResources }) => allocatedResources);
  const place = [nodeName, schedulingGates, tolerations, held];
  return JSON.stringify([labels, generation, deletionTimestamp, place]);
}

/** Heartbeats and images change nothing. */
function nodeText(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  return JSON.stringify([node.metadata.labels, node.spec, node.status?.allocatable]);
}
