/** The API for the agent of the daemon: the store itself. Every write is done when its call returns. */
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { withForeignStatus } from "../pod/status.ts";
import type { Pod, PodStatus } from "../spec/pod.ts";
import { changeObject } from "../store/change-object.ts";
import type { Store } from "../store/store.ts";
import { type ClusterApi, hasEnded, withEnd } from "./cluster-api.ts";

export interface StoreApiOptions {
  readonly store: Store;
  readonly log: Logger;
  readonly nodeName: string;
}

export class StoreApi implements ClusterApi {
  readonly objects: Store;
  readonly #log: Logger;
  readonly #nodeName: string;

  constructor({ store, log, nodeName }: StoreApiOptions) {
    this.objects = store;
    this.#log = log;
    this.#nodeName = nodeName;
  }

  /** Also with the pods of other nodes, which are none of the agent's. */
  async followPods(onPod: (pod: Pod, isGone: boolean) => void, signal: AbortSignal): Promise<void> {
    try {
      for await (const { type, object } of this.objects.watch<Pod>("Pod", { signal })) {
        if (type !== "BOOKMARK") onPod(object, type === "DELETED");
      }
    } catch (error) {
      this.#log.error({ error: messageOf(error) }, "the watch of pods failed");
      // Expired: the log was compacted past us; begin again with all there is.
      if (!signal.aborted) await this.followPods(onPod, signal);
    }
  }

  publish(pod: Pod, status: PodStatus): void {
    this.#mutate(pod, (current) => ({
      ...current,
      status: withForeignStatus(status, current.status),
    }));
  }

  async flush(): Promise<void> {
    await this.objects.flush();
  }

  remove(pod: Pod): void {
    const { namespace, name, uid } = pod.metadata;
    const held = this.objects.get<Pod>("Pod", namespace, name)?.metadata.finalizers ?? [];
    // Its deletion is on the disk already: a power cut only has it removed once more.
    // A change that takes the last finalizer away makes a new worker, which comes here again.
    if (held.length === 0) this.objects.delete("Pod", namespace, name, uid, { durable: false });
    else {
      this.#mutate(pod, (current) =>
        hasEnded(current.status) ? undefined : { ...current, status: withEnd(current.status) },
      );
    }
  }

  adopt(pod: Pod): void {
    const spec = { ...pod.spec, nodeName: this.#nodeName };
    changeObject<Pod>(this.objects, pod, (current) => ({ ...current, spec }), { durable: true });
  }

  #mutate(pod: Pod, change: (current: Pod) => Pod | undefined): void {
    changeObject<Pod>(this.objects, pod, change);
  }
}
