/**
 * The controllers of storage: binds claims to volumes, provisions, protects what is in use, and frees what was
 * released. What to do is decided in volume/decide-claim.ts; everything here can be killed and repeated.
 *
 *   store.watch(claims, volumes, classes, pods) ──▶ a round over all claims and volumes ──▶ store
 *   a pod that starts ──▶ volumeOf(): the round of its own claim at once, so that it waits for nobody
 */
import type { Clock } from "../base/clock.ts";
import { messageOf, PodError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
} from "../spec/kubernetes.gen.ts";
import type { ObjectMeta } from "../spec/meta.ts";
import type { Pod, Volume } from "../spec/pod.ts";
import type { Store } from "../store/store.ts";
import type { StoredObject, WatchEvent } from "../store/watch-event.ts";
import {
  claimKey,
  claimNameOf,
  claimProtection,
  claimsInUse,
  isBound,
  isReachable,
  volumeProtection,
} from "../volume/claims.ts";
import {
  type ClaimStep,
  decideClaim,
  decideVolume,
  type StorageState,
} from "../volume/decide-claim.ts";
import { builtInClasses, localPathProvisioner, type StorageNode } from "../volume/local-path.ts";
import type { ClaimBinder } from "../volume/volume-kind.ts";
import type { VolumeObjects } from "./volume-objects.ts";

export interface VolumeBinderOptions {
  readonly store: Store;
  readonly objects: VolumeObjects;
  readonly clock: Clock;
  readonly log: Logger;
}

const provisioners: ReadonlySet<string> = new Set([localPathProvisioner]);

/** A round may create what the next one binds; more of them in a row means that two rules disagree. */
const maxRounds = 10;

export class VolumeBinder implements ClaimBinder, AsyncDisposable {
  readonly #options: VolumeBinderOptions;
  readonly #objects: VolumeObjects;
  readonly #stop = new AbortController();
  readonly #watches: Promise<void>[] = [];
  /** Where a pod waits for a claim, by the claim's uid. */
  readonly #awaited = new Map<string, StorageNode>();
  #cancelRound: (() => void) | undefined;
  #followsPods = false;
  /** As of a revision of the store. */
  #known: { readonly revision: string; readonly state: StorageState } | undefined;

  constructor(options: VolumeBinderOptions) {
    this.#options = options;
    this.#objects = options.objects;
  }

  /** Makes the built-in classes and follows changes from then on. */
  start(): void {
    this.#objects.removeOrphans();
    for (const storageClass of builtInClasses()) this.#ensureClass(storageClass);
    for (const kind of ["PersistentVolumeClaim", "PersistentVolume", "StorageClass"]) {
      this.#follow(kind, () => true);
    }
    // With a node its folders are gone.
    this.#follow("Node", ({ type }) => type === "DELETED");
    this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#cancelRound?.();
    await Promise.all(this.#watches);
  }

  volumeOf(pod: Pod, volume: Volume): PersistentVolume {
    const node = this.#objects.node(pod.spec.nodeName);
    const claim = this.#claimOf(pod, volume);
    const { name, uid, deletionTimestamp } = claim.metadata;
    if (deletionTimestamp !== undefined) {
      throw unschedulable(`persistentvolumeclaim "${name}" is being deleted`);
    }
    this.#checkSingleUse(pod, claim);
    this.#awaited.set(uid, node);
    const bound = this.#settle(claim);
    const found = isBound(bound) ? this.#objects.volume(bound.spec.volumeName ?? "") : undefined;
    if (found === undefined) throw unschedulable(this.#waitingFor(bound));
    this.#awaited.delete(uid);
    if (isReachable(found, node)) return found;
    throw unschedulable("1 node(s) had volume node affinity conflict");
  }

  /** Takes claims and volumes nearer to what they should be until nothing changes. */
  round(): void {
    const { store, log } = this.#options;
    for (let round = 0; round < maxRounds; round++) {
      const before = store.resourceVersion;
      const claims = store.list<PersistentVolumeClaim>("PersistentVolumeClaim").items;
      if (claims.length > 0) this.#followPods();
      for (const claim of claims) {
        this.#try(claim, () => this.#performClaim(claim, decideClaim(claim, this.#state())));
      }
      for (const volume of this.#state().volumes) {
        this.#try(volume, () => this.#performVolume(volume));
      }
      if (store.resourceVersion === before) return;
    }
    log.warn({ rounds: maxRounds }, "claims and volumes do not come to rest");
  }

  /** Claims are in use until their pods have ended: of interest from the first claim on. */
  #followPods(): void {
    if (this.#followsPods) return;
    this.#followsPods = true;
    this.#follow("Pod", ({ type, object }) => {
      // Stored under this kind.
      const pod = object as StoredObject & Pod;
      if ((pod.spec.volumes ?? []).every((volume) => claimNameOf(pod, volume) === undefined)) {
        return false;
      }
      const { phase } = pod.status ?? {};
      return type === "DELETED" || phase === "Succeeded" || phase === "Failed";
    });
  }

  #follow(kind: string, isInteresting: (event: WatchEvent<StoredObject>) => boolean): void {
    const { store, log } = this.#options;
    const { signal } = this.#stop;
    const follow = async (): Promise<void> => {
      try {
        for await (const event of store.watch<StoredObject>(kind, { signal })) {
          if (isInteresting(event)) this.#schedule();
        }
      } catch (error) {
        if (signal.aborted) return;
        // Expired: the log was compacted past us; begin again with all there is.
        log.warn({ kind, error: messageOf(error) }, "a watch of the volume binder failed");
        await follow();
      }
    };
    this.#watches.push(follow());
  }

  /** Many changes, one round. */
  #schedule(): void {
    this.#cancelRound ??= this.#options.clock.after(0, () => {
      this.#cancelRound = undefined;
      if (!this.#stop.signal.aborted) this.round();
    });
  }

  #try(object: StoredObject, work: () => void): void {
    try {
      work();
    } catch (error) {
      const { kind, metadata } = object;
      const facts = { kind, name: metadata.name, error: messageOf(error) };
      this.#options.log.warn(facts, "the volume binder failed");
    }
  }

  /** The claim of a pod's volume; the one of an ephemeral volume is made. */
  #claimOf(pod: Pod, volume: Volume): PersistentVolumeClaim {
    const { namespace, name: podName, uid } = pod.metadata;
    const name = claimNameOf(pod, volume) ?? "";
    const claim = this.#objects.claim(namespace, name);
    const template = volume.ephemeral?.volumeClaimTemplate;
    if (template === undefined) {
      if (claim !== undefined) return claim;
      throw unschedulable(`persistentvolumeclaim "${name}" not found`);
    }
    if (claim !== undefined) {
      if (claim.metadata.ownerReferences?.some((owner) => owner.uid === uid)) return claim;
      throw unschedulable(
        `PVC "${namespace}/${name}" was not created for pod "${namespace}/${podName}" (pod is not owner)`,
      );
    }
    const { labels, annotations } = template.metadata;
    const owner = { apiVersion: "v1", kind: "Pod", name: podName, uid };
    return this.#objects.create<PersistentVolumeClaim>({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: {
        name,
        namespace,
        uid: "",
        ...(labels === undefined ? {} : { labels }),
        ...(annotations === undefined ? {} : { annotations }),
        ownerReferences: [{ ...owner, controller: true, blockOwnerDeletion: true }],
        finalizers: [claimProtection],
      },
      spec: template.spec,
      status: { phase: "Pending" },
    });
  }

  /** ReadWriteOncePod: one pod at a time. */
  #checkSingleUse(pod: Pod, { metadata, spec }: PersistentVolumeClaim): void {
    if (!spec.accessModes?.includes("ReadWriteOncePod")) return;
    const key = claimKey(metadata.namespace, metadata.name);
    const other = this.#options.store
      .list<Pod>("Pod", metadata.namespace)
      .items.find(
        (each) =>
          each.metadata.uid !== pod.metadata.uid &&
          claimsInUse(each).includes(key) &&
          isOlder(each.metadata, pod.metadata),
      );
    if (other === undefined) return;
    throw unschedulable(
      "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
    );
  }

  /** Performs the steps of one claim until it waits or is bound. */
  #settle(claim: PersistentVolumeClaim): PersistentVolumeClaim {
    const { namespace, name } = claim.metadata;
    let current = claim;
    for (let round = 0; round < maxRounds; round++) {
      const step = decideClaim(current, this.#state());
      this.#performClaim(current, step);
      current = this.#objects.claim(namespace, name) ?? current;
      if (step.kind === "none" || step.kind === "wait") break;
    }
    return current;
  }

  #waitingFor({ spec }: PersistentVolumeClaim): string {
    const mode = this.#objects.storageClass(spec.storageClassName ?? "")?.volumeBindingMode;
    return mode === "WaitForFirstConsumer"
      ? "1 node(s) didn't find available persistent volumes to bind"
      : "pod has unbound immediate PersistentVolumeClaims";
  }

  #performClaim(claim: PersistentVolumeClaim, step: ClaimStep): void {
    switch (step.kind) {
      case "none":
        return;
      case "wait":
        if (step.event) this.#objects.tell(claim, step.event);
        return;
      case "complete":
        this.#objects.mutate(claim, () => step.claim);
        return;
      case "bind":
        this.#objects.bind(claim, step.volume);
        return;
      case "provision":
        this.#objects.bind(claim, this.#objects.provision(claim, step));
        return;
      case "grow":
        this.#objects.grow(claim, step.volume);
        return;
      case "lose":
        this.#objects.mutate(claim, (current) => ({
          ...current,
          status: { ...current.status, phase: "Lost" as const },
        }));
        this.#objects.tell(claim, {
          type: "Warning",
          reason: "ClaimLost",
          message: "Bound claim has lost its PersistentVolume. Data on the volume is lost!",
        });
        return;
      case "delete":
        this.#objects.mutate(claim, (current) => ({
          ...current,
          metadata: { ...current.metadata, deletionTimestamp: this.#objects.now() },
        }));
        return;
      case "remove":
        this.#objects.removeFinalizer(claim, claimProtection);
        this.#awaited.delete(claim.metadata.uid);
        return;
      default:
        step satisfies never;
    }
  }

  #performVolume(volume: PersistentVolume): void {
    const step = decideVolume(volume, this.#state());
    switch (step.kind) {
      case "none":
        return;
      case "update":
        this.#objects.mutate(volume, (current) => ({
          ...current,
          metadata: withFinalizer(current.metadata, volumeProtection),
          status: {
            phase: step.phase,
            lastPhaseTransitionTime:
              current.status?.phase === step.phase
                ? (current.status.lastPhaseTransitionTime ?? this.#objects.now())
                : this.#objects.now(),
          },
        }));
        return;
      case "reclaim":
        this.#objects.reclaim(volume);
        return;
      case "remove":
        this.#objects.removeFinalizer(volume, volumeProtection);
        return;
      default:
        step satisfies never;
    }
  }

  #ensureClass(storageClass: StorageClass): void {
    if (this.#objects.storageClass(storageClass.metadata.name) === undefined)
      this.#objects.create(storageClass);
  }

  /** All of storage as it is now. */
  #state(): StorageState {
    const { store } = this.#options;
    const revision = store.resourceVersion;
    if (this.#known?.revision === revision) return this.#known.state;
    const state = this.#readState();
    this.#known = { revision, state };
    return state;
  }

  #readState(): StorageState {
    const { store } = this.#options;
    // Most questions need no pod: they are read when the first one does.
    let known: readonly Pod[] | undefined;
    const pods = (): readonly Pod[] => {
      known ??= store.list<Pod>("Pod").items;
      return known;
    };
    return {
      volumes: store.list<PersistentVolume>("PersistentVolume").items,
      classes: store.list<StorageClass>("StorageClass").items,
      nodes: this.#objects.nodes(),
      ownNode: this.#objects.node(),
      provisioners,
      awaited: this.#awaited,
      isUsed: (key) => pods().some((pod) => claimsInUse(pod).includes(key)),
      hasPod: (uid) => pods().some(({ metadata }) => metadata.uid === uid),
      claim: (namespace, name) => this.#objects.claim(namespace, name),
    };
  }
}

/** A phrase of the scheduler about the one node, as a pod's event has it. */
function unschedulable(phrase: string): PodError {
  return new PodError(
    "FailedPrecondition",
    `0/1 nodes are available: ${phrase}. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.`,
    { data: { reason: "FailedScheduling", phrase } },
  );
}

function isOlder(one: ObjectMeta, other: ObjectMeta): boolean {
  const age = ({ creationTimestamp = "", uid }: ObjectMeta): string =>
    `${creationTimestamp} ${uid}`;
  return age(one) < age(other);
}

function withFinalizer(metadata: ObjectMeta, finalizer: string): ObjectMeta {
  const others = (metadata.finalizers ?? []).filter((name) => name !== finalizer);
  return { ...metadata, finalizers: [...others, finalizer] };
}
