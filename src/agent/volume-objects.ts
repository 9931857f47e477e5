/**
 * The objects of storage in the store, and what is done to them: create, bind, provision, reclaim, remove. Each change
 * is of the object that was looked at, never of another one that has its name by now.
 */
import { type Clock, toTime } from "../base/clock.ts";
import { newIdentity } from "../base/ids.ts";
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import type { ObjectMeta } from "../spec/meta.ts";
import { changeObject } from "../store/change-object.ts";
import type { Store } from "../store/store.ts";
import type { StoredObject } from "../store/watch-event.ts";
import { bindCompleted, boundByController, provisionedBy } from "../volume/claims.ts";
import type { ClaimStep, StorageEvent } from "../volume/decide-claim.ts";
import {
  createVolumeFolder,
  folderFinalizer,
  hostnameLabel,
  localPathVolume,
  nodeOfVolume,
  ownFolder,
  removeEmptyOrphans,
  type StorageNode,
  storageNode,
  volumesFolder,
} from "../volume/local-path.ts";

type Provisioning = Extract<ClaimStep, { readonly kind: "provision" }>;

export interface VolumeObjectsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly nodeName: string;
  /** The instance's data root. */
  readonly root: string;
  /** Takes a tree below the root away; its files go in the background. */
  readonly discard: (path: string) => void;
  /** Records an event of a claim or a volume. */
  readonly report: (object: StoredObject, event: StorageEvent) => void;
}

export class VolumeObjects {
  readonly #options: VolumeObjectsOptions;
  /** The last event of an object, by uid: it is told once. */
  readonly #told = new Map<string, string>();

  constructor(options: VolumeObjectsOptions) {
    this.#options = options;
  }

  /** The volume first: a claim that says Bound has its volume. */
  bind(claim: PersistentVolumeClaim, volume: PersistentVolume): void {
    const { namespace, name, uid } = claim.metadata;
    const bound = this.mutate(volume, (current) => ({
      ...current,
      metadata: withAnnotations(
        current.metadata,
        current.spec.claimRef?.uid ? [] : [boundByController],
      ),
      spec: {
        ...current.spec,
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
      },
      status: { phase: "Bound" as const, lastPhaseTransitionTime: this.now() },
    }));
    if (bound === undefined) return;
    this.mutate(claim, (current) => ({
      ...current,
      metadata: withAnnotations(current.metadata, [
        bindCompleted,
        ...(current.spec.volumeName ? [] : [boundByController]),
      ]),
      spec: { ...current.spec, volumeName: bound.metadata.name },
      status: {
        ...current.status,
        phase: "Bound" as const,
        ...(bound.spec.accessModes === undefined ? {} : { accessModes: bound.spec.accessModes }),
        ...(bound.spec.capacity === undefined ? {} : { capacity: bound.spec.capacity }),
      },
    }));
    this.#told.delete(uid);
  }

  /** The folder is made here, or by the agent of the node that it is for (agent/remote-api.ts). */
  provision(
    claim: PersistentVolumeClaim,
    { storageClass, node }: Omit<Provisioning, "kind">,
  ): PersistentVolume {
    const wanted = localPathVolume(claim, storageClass, node);
    const { name } = wanted.metadata;
    const { namespace, name: claimName } = claim.metadata;
    this.tell(claim, {
      type: "Normal",
      reason: "Provisioning",
      message: `External provisioner is provisioning volume for claim "${namespace}/${claimName}"`,
    });
    const folder = ownFolder(this.node(), wanted);
    if (folder !== undefined) createVolumeFolder(folder);
    const volume = this.volume(name) ?? this.create(wanted);
    this.tell(claim, {
      type: "Normal",
      reason: "ProvisioningSucceeded",
      message: `Successfully provisioned volume ${name}`,
    });
    return volume;
  }

  /** A folder is as large as its disk: only what the objects say changes. */
  grow(claim: PersistentVolumeClaim, volume: PersistentVolume): void {
    const storage = claim.spec.resources?.requests?.["storage"];
    if (storage === undefined) return;
    this.mutate(volume, (current) => ({
      ...current,
      spec: { ...current.spec, capacity: { ...current.spec.capacity, storage } },
    }));
    this.mutate(claim, (current) => ({
      ...current,
      status: { ...current.status, capacity: { ...current.status?.capacity, storage } },
    }));
    const message = "MountVolume.NodeExpandVolume succeeded for volume";
    this.tell(claim, { type: "Normal", reason: "FileSystemResizeSuccessful", message });
  }

  /** Takes away what a daemon that was killed while it provisioned left behind. */
  removeOrphans(): void {
    const { store, root } = this.#options;
    const { items } = store.list<PersistentVolume>("PersistentVolume");
    removeEmptyOrphans(root, new Set(items.map(({ metadata }) => metadata.name)));
  }

  /** Frees the data of a volume and forgets it; only folders that nspod made itself. */
  reclaim(volume: PersistentVolume): void {
    const { discard, nodeName } = this.#options;
    const folder = ownFolder(this.node(), volume);
    if (folder !== undefined) {
      discard(folder);
      this.#forget(volume);
      return;
    }
    const host = nodeOfVolume(volume);
    if (host !== undefined && host !== nodeName) {
      this.#reclaimOn(host, volume);
      return;
    }
    this.#keep(volume);
  }

  /** The agent of the node takes the folder away, and the finalizer; a node that was deleted took its folders along. */
  #reclaimOn(host: string, volume: PersistentVolume): void {
    const { deletionTimestamp, annotations, finalizers = [] } = volume.metadata;
    const node = this.nodes().find(({ name }) => name === host);
    if (node === undefined && annotations?.[provisionedBy] !== undefined) {
      this.#forget(volume);
      return;
    }
    if (finalizers.includes(folderFinalizer)) return;
    if (node === undefined || ownFolder(node, volume) === undefined) {
      this.#keep(volume);
      return;
    }
    this.mutate(volume, (current) => ({
      ...current,
      metadata: {
        ...current.metadata,
        deletionTimestamp: deletionTimestamp ?? this.now(),
        finalizers: [folderFinalizer],
      },
      status: { ...current.status, phase: "Released" as const },
    }));
  }

  #forget({ metadata }: PersistentVolume): void {
    this.#options.store.delete("PersistentVolume", "", metadata.name, metadata.uid);
    this.#told.delete(metadata.uid);
  }

  /** Nobody here may remove its data. */
  #keep(volume: PersistentVolume): void {
    const message =
      "this volume was not provisioned by nspod, which deletes no other data of the host: remove the data by hand and then the PersistentVolume";
    this.mutate(volume, (current) => ({
      ...current,
      status: { phase: "Failed" as const, message, lastPhaseTransitionTime: this.now() },
    }));
    this.tell(volume, { type: "Warning", reason: "VolumeFailedDelete", message });
  }

  removeFinalizer(object: StoredObject, finalizer: string): void {
    const { store } = this.#options;
    const left = this.mutate(object, (current) => ({
      ...current,
      metadata: {
        ...current.metadata,
        finalizers: (current.metadata.finalizers ?? []).filter((name) => name !== finalizer),
      },
    }));
    const { namespace, name, uid } = object.metadata;
    this.#told.delete(uid);
    if (left?.metadata.finalizers?.length === 0) store.delete(object.kind, namespace, name, uid);
  }

  create<T extends StoredObject>(object: T): T {
    const { store, clock } = this.#options;
    const metadata = { ...object.metadata, ...newIdentity(clock.now()) };
    return store.create({ ...object, metadata });
  }

  /** Changes the object that was looked at, not another one of the same name. */
  mutate<T extends StoredObject>(object: T, change: (current: T) => T): T | undefined {
    return changeObject<T>(this.#options.store, object, change, { durable: true });
  }

  tell(object: StoredObject, event: StorageEvent): void {
    const { uid } = object.metadata;
    const text = `${event.reason} ${event.message}`;
    if (this.#told.get(uid) === text) return;
    this.#told.set(uid, text);
    this.#options.report(object, event);
  }

  claim(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.#options.store.get("PersistentVolumeClaim", namespace, name);
  }

  volume(name: string): PersistentVolume | undefined {
    return this.#options.store.get("PersistentVolume", "", name);
  }

  storageClass(name: string): StorageClass | undefined {
    return this.#options.store.get("StorageClass", "", name);
  }

  /** A node as it makes folders for claims; this one without a name. */
  node(name: string = this.#options.nodeName): StorageNode {
    const { store, nodeName, root } = this.#options;
    const node = store.get<Node>("Node", "", name);
    const known = node === undefined ? { name, labels: {} } : storageNode(node);
    const labels = { [hostnameLabel]: name, ...known.labels };
    // Its own it knows before the Node says so.
    const folder = name === nodeName ? volumesFolder(root) : known.folder;
    return { name, labels, ...(folder !== undefined && { folder }) };
  }

  /** Every node that there is. */
  nodes(): readonly StorageNode[] {
    const { store, nodeName } = this.#options;
    const names = store.list<Node>("Node").items.map(({ metadata }) => metadata.name);
    return [...new Set([nodeName, ...names])].map((name) => this.node(name));
  }

  now(): string {
    return toTime(this.#options.clock.now());
  }
}

function withAnnotations(metadata: ObjectMeta, names: readonly string[]): ObjectMeta {
  const yes = Object.fromEntries(names.map((name) => [name, "yes"]));
  return { ...metadata, annotations: { ...metadata.annotations, ...yes } };
}
