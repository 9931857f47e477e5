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
import type { NodeFacts } from "../spec/match-selector.ts";
import type { ObjectMeta } from "../spec/meta.ts";
import { changeObject } from "../store/change-object.ts";
import type { Store } from "../store/store.ts";
import type { StoredObject } from "../store/watch-event.ts";
import { bindCompleted, boundByController } from "../volume/claims.ts";
import type { StorageEvent } from "../volume/decide-claim.ts";
import {
  createVolumeFolder,
  localPathVolume,
  ownFolder,
  removeEmptyOrphans,
} from "../volume/local-path.ts";

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

  provision(claim: PersistentVolumeClaim, storageClass: StorageClass): PersistentVolume {
    const { root, nodeName } = this.#options;
    const wanted = localPathVolume(claim, storageClass, { root, nodeName });
    const { name } = wanted.metadata;
    const { namespace, name: claimName } = claim.metadata;
    this.tell(claim, {
      type: "Normal",
      reason: "Provisioning",
      message: `External provisioner is provisioning volume for claim "${namespace}/${claimName}"`,
    });
    createVolumeFolder(root, name);
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
    const { root, discard, store } = this.#options;
    const { name, uid } = volume.metadata;
    const folder = ownFolder(root, volume);
    if (folder !== undefined) {
      discard(folder);
      store.delete("PersistentVolume", "", name, uid);
      this.#told.delete(uid);
      return;
    }
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

  node(): NodeFacts {
    const { store, nodeName } = this.#options;
    const labels = store.get<Node>("Node", "", nodeName)?.metadata.labels;
    return { name: nodeName, labels: { "kubernetes.io/hostname": nodeName, ...labels } };
  }

  now(): string {
    return toTime(this.#options.clock.now());
  }
}

function withAnnotations(metadata: ObjectMeta, names: readonly string[]): ObjectMeta {
  const yes = Object.fromEntries(names.map((name) => [name, "yes"]));
  return { ...metadata, annotations: { ...metadata.annotations, ...yes } };
}
