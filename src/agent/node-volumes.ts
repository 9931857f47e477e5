/**
 * The folders of claims on the node of an agent, when they are to go: the control plane marks a volume that nobody has
 * any more as deleted and asks by a finalizer for the end of its folder; without the finalizer the volume is gone.
 *
 *   PersistentVolume, deleted, finalizer nspod/volume-folder ──▶ folder to the trash ──▶ PATCH: without the finalizer
 *                                                                        └── failed: again in a moment
 *
 * A control plane that is not nspod's makes no such volumes, and lets a node follow none.
 * Source: Kubernetes, "Finalizers"; "Persistent Volumes", Reclaiming.
 */
import type { Clock } from "../base/clock.ts";
import { isPodError, messageOf, PodError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { PersistentVolume } from "../spec/kubernetes.gen.ts";
import { resourceOfKind } from "../spec/resources.ts";
import {
  folderFinalizer,
  hostnameLabel,
  ownFolder,
  type StorageNode,
} from "../volume/local-path.ts";
import type { KubernetesClient } from "./kubernetes-client.ts";
import { ObjectMirror } from "./object-mirror.ts";
import { Reflector } from "./reflector.ts";

export interface NodeVolumesOptions {
  readonly client: Pick<KubernetesClient, "json" | "watch">;
  readonly clock: Clock;
  readonly log: Logger;
  readonly node: StorageNode;
  /** Takes a tree below the root away; its files go in the background. Fine when it is gone. */
  readonly discard: (path: string) => void;
}

const retryMs = 5000;

const kind = "PersistentVolume";

export class NodeVolumes implements Disposable {
  readonly #options: NodeVolumesOptions;
  readonly #mirror = new ObjectMirror();
  #reflector: Reflector | undefined;
  #isClosed = false;

  constructor(options: NodeVolumesOptions) {
    this.#options = options;
  }

  /** Follows the volumes of the node. */
  start(): void {
    const { client, clock, log, node } = this.#options;
    const resource = resourceOfKind(kind);
    if (resource === undefined) throw new PodError("Internal", `"${kind}" is no kind`);
    this.#mirror.follow(({ type, object }) => {
      // Nothing else is in this mirror.
      if (type !== "DELETED") void this.#giveBack(object as unknown as PersistentVolume);
    });
    const reflector = new Reflector({
      client,
      mirror: this.#mirror,
      clock,
      log,
      resource,
      labelSelector: `${hostnameLabel}=${node.name}`,
    });
    this.#reflector = reflector;
    void reflector.outcome.then((error) => {
      if (error === undefined || this.#isClosed) return;
      reflector[Symbol.dispose]();
      log.info({ error: error.message }, "may not follow volumes: none is made here for claims");
    });
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#reflector?.[Symbol.dispose]();
  }

  async #giveBack(volume: PersistentVolume): Promise<void> {
    const { client, clock, log, node, discard } = this.#options;
    const { name, uid, resourceVersion, finalizers = [] } = volume.metadata;
    if (!finalizers.includes(folderFinalizer)) return;
    const folder = ownFolder(node, volume);
    if (folder !== undefined) discard(folder);
    const left = finalizers.filter((each) => each !== folderFinalizer);
    try {
      await client.json("PATCH", `/api/v1/persistentvolumes/${name}`, {
        body: { metadata: { uid, resourceVersion, finalizers: left } },
        contentType: "application/merge-patch+json",
      });
    } catch (error) {
      // Gone; or it has changed, and the change is on its way here.
      if (isPodError(error, "NotFound") || isPodError(error, "Conflict")) return;
      log.warn({ volume: name, error: messageOf(error) }, "cannot give a volume back");
      clock.after(retryMs, () => {
        const current = this.#mirror.get<PersistentVolume>(kind, "", name);
        if (!this.#isClosed && current?.metadata.uid === uid) void this.#giveBack(current);
      });
    }
  }
}
