/**
 * Keeps a part of the mirror as the API server has it.
 *
 *   list ─▶ watch from its version ─▶ … server ends it ─▶ watch from the last version
 *    ▲                                   └─ 410, or it failed ─┐
 *    └──────────────────── back-off ◀──────────────────────────┘
 *
 * Source: Kubernetes API concepts, "Efficient detection of changes", "Retrieving large results sets in chunks".
 */
import { type BackOffLimits, type BackOffState, nextBackOff } from "../base/back-off.ts";
import type { Clock } from "../base/clock.ts";
import { isPodError, messageOf, type PodError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Resource } from "../spec/resources.ts";
import { resourcePath } from "../spec/resources.ts";
import type { StoredObject } from "../store/watch-event.ts";
import type { KubernetesClient } from "./kubernetes-client.ts";
import type { ObjectMirror } from "./object-mirror.ts";

export interface ReflectorOptions {
  readonly client: Pick<KubernetesClient, "json" | "watch">;
  readonly mirror: ObjectMirror;
  readonly clock: Clock;
  readonly log: Logger;
  readonly resource: Resource;
  /** "" for all namespaces, and for objects of the cluster. */
  readonly namespace?: string;
  /** Only some of them: `spec.nodeName=n1`, `metadata.name=settings`. */
  readonly fieldSelector?: string;
  /** `kubernetes.io/hostname=n1` */
  readonly labelSelector?: string;
}

interface List {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly StoredObject[];
}

const limits: BackOffLimits = { initialMs: 800, maxMs: 30_000, resetMs: 120_000 };

/** A watch is asked for anew after this long, as client-go does: between five and ten minutes. */
const watchSeconds = 300;

const pageSize = 500;

/** A watch that ends before this has not worked. */
const shortMs = 1000;

export class Reflector implements Disposable {
  readonly #options: ReflectorOptions;
  readonly #stop = new AbortController();
  readonly #tried = Promise.withResolvers<void>();
  readonly #synced = Promise.withResolvers<void>();
  readonly #outcome = Promise.withResolvers<PodError | undefined>();
  /** What it has put into the mirror, by namespace and name. */
  readonly #known = new Map<string, StoredObject>();
  #isSynced = false;
  #backOff: BackOffState | undefined;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    this.#tried.promise.catch(() => undefined);
    void this.#run();
  }

  /** Resolves when the mirror has the state, however long that takes. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  /**
   * Resolves when the mirror has the state, or with why the server gives none: it does not know the resource, or this
   * client may not read it. It is asked on all the same.
   */
  get outcome(): Promise<PodError | undefined> {
    return this.#outcome.promise;
  }

  /** Resolves when the mirror has the state, which may be old; rejects when the first try has failed: others follow. */
  async ready(): Promise<void> {
    if (!this.#isSynced) await this.#tried.promise;
  }

  /** What it knew leaves the mirror. */
  [Symbol.dispose](): void {
    this.#stop.abort();
    for (const object of this.#known.values()) this.#options.mirror.remove(object);
    this.#known.clear();
  }

  async #run(): Promise<void> {
    const { log, resource, clock } = this.#options;
    let version: string | undefined;
    while (!this.#stop.signal.aborted) {
      try {
        version ??= await this.#list();
        const beganMs = clock.monotonic();
        for await (const next of this.#watch(version)) version = next;
        // A server that ends what it has begun is asked again, and not at once for ever.
        if (clock.monotonic() - beganMs < shortMs) await this.#pause();
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        version = undefined;
        this.#tried.reject(error);
        if (isPodError(error, "PermissionDenied") || isPodError(error, "NotFound")) {
          this.#outcome.resolve(error);
        }
        if (isPodError(error) && error.data["reason"] === "Expired") continue;
        log.warn({ kind: resource.kind, error: messageOf(error) }, "cannot follow objects");
        await this.#pause();
      }
    }
  }

  async #list(): Promise<string> {
    const { client } = this.#options;
    const { signal } = this.#stop;
    const items: StoredObject[] = [];
    let version = "";
    let more = "";
    do {
      const query = {
        limit: pageSize,
        ...this.#selectors,
        ...(more !== "" && { continue: more }),
      };
      const page = await client.json<List>("GET", this.#path, { query, signal });
      items.push(...(page.items ?? []));
      version = page.metadata?.resourceVersion ?? "";
      more = page.metadata?.continue ?? "";
    } while (more !== "");
    const listed = new Set(items.map((item) => this.#put(item)));
    for (const [key, object] of this.#known) if (!listed.has(key)) this.#remove(key, object);
    this.#isSynced = true;
    this.#tried.resolve();
    this.#synced.resolve();
    this.#outcome.resolve(undefined);
    return version;
  }

  /** Follows changes, and gives the version after each. */
  async *#watch(from: string): AsyncGenerator<string, void, void> {
    const { client } = this.#options;
    const query = {
      resourceVersion: from,
      allowWatchBookmarks: true,
      timeoutSeconds: watchSeconds + Math.floor(Math.random() * watchSeconds),
      ...this.#selectors,
    };
    const events = client.watch<StoredObject>(this.#path, query, this.#stop.signal);
    for await (const { type, object } of events) {
      if (this.#stop.signal.aborted) return;
      if (type === "DELETED") this.#remove(keyOf(object), this.#whole(object));
      else if (type !== "BOOKMARK") this.#put(object);
      yield object.metadata.resourceVersion ?? from;
    }
  }

  #put(item: StoredObject): string {
    const object = this.#whole(item);
    const key = keyOf(object);
    this.#known.set(key, object);
    this.#options.mirror.put(object);
    return key;
  }

  #remove(key: string, object: StoredObject): void {
    this.#known.delete(key);
    this.#options.mirror.remove(object);
  }

  /** Items of a list do not say their kind, and objects of the cluster have no namespace. */
  #whole(item: StoredObject): StoredObject {
    const { kind, apiVersion } = this.#options.resource;
    const { metadata } = item;
    // A server leaves the namespace of such objects out.
    const { namespace = "" } = metadata as { readonly namespace?: string };
    return { ...item, apiVersion, kind, metadata: { ...metadata, namespace } };
  }

  get #selectors(): Readonly<Record<string, string>> {
    const { fieldSelector, labelSelector } = this.#options;
    return {
      ...(fieldSelector !== undefined && { fieldSelector }),
      ...(labelSelector !== undefined && { labelSelector }),
    };
  }

  get #path(): string {
    return resourcePath(this.#options.resource, this.#options.namespace ?? "");
  }

  async #pause(): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stop;
    const nowMs = clock.monotonic();
    const lastedMs = nowMs - (this.#backOff?.failedAtMs ?? nowMs);
    this.#backOff = nextBackOff(this.#backOff, limits, { nowMs, lastedMs });
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(this.#backOff.delayMs * (1 + Math.random() / 4), resolve);
    signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    cancel();
  }
}

function keyOf({ metadata }: StoredObject): string {
  return `${metadata.namespace ?? ""}/${metadata.name}`;
}
