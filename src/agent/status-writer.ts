/**
 * Writes statuses of pods to an API server: one request at a time for each pod, the newest state wins, and what
 * somebody else has changed meanwhile is read anew.
 *
 *   publish ─▶ desired(uid) ─▶ PUT status ─┬─ stored ─▶ desired changed? again
 *                               ▲          ├─ 409 ─▶ GET ─┐
 *                               │          └─ lost ─▶ wait ┤
 *                               └──────────────────────────┘
 *
 * Source: Kubernetes API conventions, "Concurrency Control and Consistency".
 */
import type { Clock } from "../base/clock.ts";
import { isPodError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { withForeignStatus } from "../pod/status.ts";
import type { Pod, PodStatus } from "../spec/pod.ts";
import type { KubernetesClient } from "./kubernetes-client.ts";

export interface StatusWriterOptions {
  readonly client: Pick<KubernetesClient, "json">;
  /** The pod as it was last heard of. */
  readonly current: (pod: Pod) => Pod | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

interface Work {
  readonly pod: Pod;
  desired: PodStatus | undefined;
  running: Promise<void>;
  /** As this writer stored or read it last. */
  latest: Pod | undefined;
}

const retryMs = 1000;

export class StatusWriter implements Disposable {
  readonly #options: StatusWriterOptions;
  readonly #work = new Map<string, Work>();
  #isClosed = false;

  constructor(options: StatusWriterOptions) {
    this.#options = options;
  }

  publish(pod: Pod, status: PodStatus): void {
    const { uid } = pod.metadata;
    const known = this.#work.get(uid);
    if (known !== undefined) {
      known.desired = status;
      return;
    }
    const work: Work = { pod, desired: status, running: Promise.resolve(), latest: undefined };
    this.#work.set(uid, work);
    work.running = this.#run(work).finally(() => this.#work.delete(uid));
  }

  /** Resolves when nothing of the pod is on its way. */
  async settled(uid: string): Promise<void> {
    await this.#work.get(uid)?.running;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
  }

  async #run(work: Work): Promise<void> {
    while (work.desired !== undefined && !this.#isClosed) {
      const status = work.desired;
      work.desired = undefined;
      try {
        await this.#write(work, status);
      } catch (error) {
        if (isPodError(error, "NotFound")) return;
        work.desired ??= status;
        if (isPodError(error, "Conflict")) work.latest = await this.#read(work.pod);
        else await this.#pause(work.pod, error);
      }
    }
  }

  async #write(work: Work, status: PodStatus): Promise<void> {
    const base = work.latest ?? this.#options.current(work.pod);
    if (base === undefined || base.metadata.uid !== work.pod.metadata.uid) return;
    const next = { ...base, status: withForeignStatus(status, base.status) };
    if (JSON.stringify(next.status) === JSON.stringify(base.status)) return;
    const path = `${podPath(base)}/status`;
    work.latest = await this.#options.client.json<Pod>("PUT", path, { body: next });
  }

  async #read(pod: Pod): Promise<Pod | undefined> {
    try {
      return await this.#options.client.json<Pod>("GET", podPath(pod));
    } catch (error) {
      if (!isPodError(error, "NotFound")) await this.#pause(pod, error);
      return undefined;
    }
  }

  async #pause({ metadata }: Pod, error: unknown): Promise<void> {
    const { clock, log } = this.#options;
    log.warn({ pod: metadata.name, error: messageOf(error) }, "cannot report the status of a pod");
    const { promise, resolve } = Promise.withResolvers<void>();
    clock.after(retryMs, resolve);
    await promise;
  }
}

export function podPath({ metadata }: Pod): string {
  return `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`;
}
