/**
 * One object that is asked for by its name again and again, for kinds that a node may not watch: claims and volumes.
 * Source: Kubernetes, "Using Node Authorization".
 */
import type { Clock } from "../base/clock.ts";
import { isPodError } from "../base/errors.ts";
import { type Resource, resourcePath } from "../spec/resources.ts";
import type { StoredObject } from "../store/watch-event.ts";
import type { KubernetesClient } from "./kubernetes-client.ts";
import type { ObjectMirror } from "./object-mirror.ts";

export interface FetchedObjectOptions {
  readonly client: Pick<KubernetesClient, "json">;
  readonly mirror: ObjectMirror;
  readonly clock: Clock;
  readonly resource: Resource;
  /** "" for objects of the cluster. */
  readonly namespace: string;
  readonly name: string;
}

/** What is bound changes by growing, and nobody waits for that. */
const freshMs = 60_000;

export class FetchedObject implements Disposable {
  readonly #options: FetchedObjectOptions;
  #known: StoredObject | undefined;
  #fetchedAtMs = 0;
  #isClosed = false;

  constructor(options: FetchedObjectOptions) {
    this.#options = options;
  }

  /**
   * Asks for it, unless it is bound and was asked for a moment ago. Resolves when it is known, or known not to be there.
   * @throws PodError when it could not be asked for and was never known.
   */
  async ready(): Promise<void> {
    const nowMs = this.#options.clock.monotonic();
    if (isBound(this.#known) && nowMs - this.#fetchedAtMs < freshMs) return;
    try {
      const found = await this.#fetch();
      this.#fetchedAtMs = nowMs;
      if (!this.#isClosed) this.#set(found);
    } catch (error) {
      if (this.#known === undefined) throw error;
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#set(undefined);
  }

  #set(object: StoredObject | undefined): void {
    const { mirror } = this.#options;
    if (object !== undefined) mirror.put(object);
    else if (this.#known !== undefined) mirror.remove(this.#known);
    this.#known = object;
  }

  async #fetch(): Promise<StoredObject | undefined> {
    const { client, resource, namespace, name } = this.#options;
    const path = `${resourcePath(resource, namespace)}/${name}`;
    try {
      const object = await client.json<StoredObject>("GET", path);
      return { ...object, metadata: { ...object.metadata, namespace } };
    } catch (error) {
      if (isPodError(error, "NotFound")) return undefined;
      throw error;
    }
  }
}

function isBound(object: StoredObject | undefined): boolean {
  const { status } = (object ?? {}) as { readonly status?: { readonly phase?: string } };
  return status?.phase === "Bound";
}
