/**
 * What the agent has of the API, in two forms: the store in the same process (store-api.ts), where everything is done
 * when a call returns, and a mirror of an API server far away (remote-api.ts), where writes are on their way.
 */
import type { Pod, PodStatus } from "../spec/pod.ts";
import type { ObjectSource } from "../store/object-source.ts";
import type { StoredObject } from "../store/watch-event.ts";

/** How events of objects are written: not durable, and nobody waits for it. */
export interface EventSink {
  /** Changes one that was created; undefined when it is not there any more. */
  mutate<T extends StoredObject>(
    kind: string,
    namespace: string,
    name: string,
    change: (current: T) => T,
    options: { readonly durable: false },
  ): T | undefined;
  create<T extends StoredObject>(object: T, options: { readonly durable: false }): T;
  /** Writes several at once. @param work - the calls of the two above. */
  together(work: () => void, options: { readonly durable: false }): void;
}

export interface ClusterApi {
  readonly objects: ObjectSource;
  /** Calls `onPod` with every pod of this node that is there, comes, changes or goes, until the signal. */
  followPods(onPod: (pod: Pod, isGone: boolean) => void, signal: AbortSignal): Promise<void>;
  /**
   * Fetches what a sync of the pod asks for; absent: everything is there already.
   * @throws PodError when it cannot be fetched now.
   */
  readonly prepare?: (pod: Pod) => Promise<void>;
  /** The pod is gone from here and its references need not be kept. */
  readonly release?: (uid: string) => void;
  /** Has a status stored, but for what others have written of it. */
  publish(pod: Pod, status: PodStatus): void;
  /** Resolves when what was published cannot be lost any more. */
  flush(): Promise<void>;
  /**
   * Nothing of the pod is left on this node: it goes, unless finalizers hold it; then its phase says how it ended.
   * @throws PodError when that could not be told.
   */
  remove(pod: Pod): void | Promise<void>;
  /** A pod that no node has and that runs here; absent: there are none. */
  readonly adopt?: (pod: Pod) => void;
}

/** The phase of a pod that was stopped. Source: Kubernetes, "Pod Lifecycle", "Pod phase". */
export function withEnd(status: PodStatus | undefined): PodStatus {
  const { containerStatuses: containers = [] } = status ?? {};
  const isGood =
    containers.length > 0 && containers.every(({ state }) => state?.terminated?.exitCode === 0);
  return { ...status, phase: isGood ? "Succeeded" : "Failed" };
}

export function hasEnded(status: PodStatus | undefined): boolean {
  return status?.phase === "Succeeded" || status?.phase === "Failed";
}
