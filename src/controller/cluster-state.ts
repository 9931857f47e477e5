/**
 * Nodes and pods in memory, as of the last commit: what the scheduler and its like decide by. Told of every change;
 * whoever follows it hears of those that can make a difference to where pods may be.
 */

import { type Cluster, hasEnded, type NodeState } from "../scheduler/cluster.ts";
import type { Happening } from "../scheduler/may-help.ts";
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import type { Labels } from "../spec/match-selector.ts";
import type { Pod, Volume } from "../spec/pod.ts";
import type { ObjectSource } from "../store/object-source.ts";
import type { StoredObject, WatchEvent } from "../store/watch-event.ts";
import { claimConflict } from "../volume/claim-conflict.ts";
import { claimNameOf } from "../volume/claims.ts";
import { storageNode, volumesAnnotation } from "../volume/local-path.ts";

const others: ReadonlySet<string> = new Set([
  "Namespace",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "StorageClass",
]);

const noPods: ReadonlyMap<string, Pod> = new Map();

export class ClusterState implements Disposable {
  readonly #store: ObjectSource;
  readonly #nodes = new Map<string, Node>();
  /** Pods that have not ended, by uid; those that nobody has bound yet are under "". */
  readonly #pods = new Map<string, Map<string, Pod>>();
  /** Node of each pod, by uid. */
  readonly #places = new Map<string, string>();
  /** Pods that wait for room on a node that was promised to them, by uid. */
  readonly #nominated = new Map<string, Pod>();
  /** As the last look found it, by node; what changes is forgotten. */
  readonly #states = new Map<string, NodeState>();
  #cluster: Cluster | undefined;
  readonly #listeners = new Set<(change: Happening) => void>();
  readonly #unfollow: () => void;

  constructor(store: ObjectSource) {
    this.#store = store;
    for (const node of store.list<Node>("Node").items) this.#nodes.set(node.metadata.name, node);
    for (const pod of store.list<Pod>("Pod").items) this.#put(pod);
    this.#unfollow = store.follow((change) => this.#notice(change));
  }

  /** Calls `listener` after a change; it must not write to the store. @returns ends it. */
  follow(listener: (change: Happening) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The same object while nothing changes. */
  cluster(): Cluster {
    this.#cluster ??= this.#newCluster();
    return this.#cluster;
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

  /** Pods that no node has, and that were promised room on one. */
  nominated(): readonly Pod[] {
    return [...this.#nominated.values()];
  }

  /** A pod that has not ended; undefined when there is none. */
  pod(uid: string): Pod | undefined {
    const place = this.#places.get(uid);
    return place === undefined ? undefined : this.#pods.get(place)?.get(uid);
  }

  [Symbol.dispose](): void {
    this.#unfollow();
    this.#listeners.clear();
  }

  #stateOf(node: Node): NodeState {
    const { name } = node.metadata;
    const known = this.#states.get(name);
    if (known !== undefined) return known;
    const state = { node, pods: [...(this.#pods.get(name) ?? noPods).values()] };
    this.#states.set(name, state);
    return state;
  }

  #forget(nodeName: string): void {
    this.#states.delete(nodeName);
    this.#cluster = undefined;
  }

  #newCluster(): Cluster {
    // Read when the first pod with a claim asks.
    let storage: Parameters<typeof claimConflict>[2] | undefined;
    return {
      nodes: [...this.#nodes.values()].map((node) => this.#stateOf(node)),
      namespaceLabels: (name) => this.#namespaceLabels(name),
      volumeConflict: (pod, node) => {
        for (const volume of pod.spec.volumes ?? []) {
          const claim = this.#claimOf(pod, volume);
          if (claim === undefined) continue;
          storage ??= {
            volumes: this.#store.list<PersistentVolume>("PersistentVolume").items,
            classes: this.#store.list<StorageClass>("StorageClass").items,
          };
          const conflict = claimConflict(claim, storageNode(node), storage);
          if (conflict !== undefined) return conflict;
        }
        return undefined;
      },
    };
  }

  /** The claim of a volume, or the one that will be made for it; who binds it says that another one is missing. */
  #claimOf(pod: Pod, volume: Volume): PersistentVolumeClaim | undefined {
    const { namespace } = pod.metadata;
    const kind = "PersistentVolumeClaim";
    const name = claimNameOf(pod, volume);
    if (name === undefined) return undefined;
    const template = volume.ephemeral?.volumeClaimTemplate;
    return (
      this.#store.get<PersistentVolumeClaim>(kind, namespace, name) ??
      (template && {
        apiVersion: "v1",
        kind,
        metadata: { name, namespace, uid: "" },
        spec: template.spec,
      })
    );
  }

  #namespaceLabels(name: string): Labels {
    return this.#store.get<Namespace>("Namespace", "", name)?.metadata.labels ?? {};
  }

  #notice({ type, object }: WatchEvent<StoredObject>): void {
    if (object.kind === "Pod") this.#noticePod(type, object as StoredObject & Pod);
    else if (object.kind === "Node") this.#noticeNode(type, object as StoredObject & Node);
    else if (others.has(object.kind)) {
      this.#cluster = undefined;
      this.#tell({ kind: "other" });
    }
  }

  #noticePod(type: string, pod: Pod): void {
    const before = this.pod(pod.metadata.uid);
    if (type === "DELETED") this.#remove(pod.metadata.uid);
    else this.#put(pod);
    const after = this.pod(pod.metadata.uid);
    if (placeText(before) !== placeText(after)) this.#tell({ kind: "Pod", before, after });
  }

  #noticeNode(type: string, node: Node): void {
    const { name } = node.metadata;
    const before = this.#nodes.get(name);
    if (type === "DELETED") this.#nodes.delete(name);
    else this.#nodes.set(name, node);
    this.#forget(name);
    const isSame = nodeText(before) === nodeText(this.#nodes.get(name));
    if (!isSame) this.#tell({ kind: "Node", node: this.node(name) });
  }

  #put(pod: Pod): void {
    const { uid } = pod.metadata;
    const place = pod.spec.nodeName ?? "";
    if (this.#places.get(uid) !== place || hasEnded(pod)) this.#remove(uid);
    if (hasEnded(pod)) return;
    if (place !== "") this.#forget(place);
    const isNominated = place === "" && pod.status?.nominatedNodeName !== undefined;
    if (isNominated) this.#nominated.set(uid, pod);
    else this.#nominated.delete(uid);
    const pods = this.#pods.get(place) ?? new Map();
    this.#pods.set(place, pods.set(uid, pod));
    this.#places.set(uid, place);
  }

  #remove(uid: string): void {
    const place = this.#places.get(uid);
    if (place === undefined) return;
    if (place !== "") this.#forget(place);
    this.#nominated.delete(uid);
    this.#places.delete(uid);
    const pods = this.#pods.get(place);
    pods?.delete(uid);
    if (pods?.size === 0) this.#pods.delete(place);
  }

  #tell(change: Happening): void {
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
  const { labels, annotations } = node.metadata;
  const folder = annotations?.[volumesAnnotation];
  return JSON.stringify([labels, folder, node.spec, node.status?.allocatable]);
}
