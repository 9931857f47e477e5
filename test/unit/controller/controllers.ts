// A store with both controllers at work, and objects for them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../../src/base/clock.ts";
import { createLogger } from "../../../src/base/log.ts";
import { ControllerLoop } from "../../../src/controller/controller-loop.ts";
import { cachedKinds } from "../../../src/controller/controllers.ts";
import { ensureFirstObjects } from "../../../src/controller/first-objects.ts";
import { GarbageCollector } from "../../../src/controller/garbage-collector.ts";
import { NamespaceLifecycle } from "../../../src/controller/namespace-lifecycle.ts";
import { ObjectCache } from "../../../src/controller/object-cache.ts";
import type { OwnerReference } from "../../../src/spec/meta.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { Store } from "../../../src/store/store.ts";

export class Controllers {
  readonly #folder: string = mkdtempSync(join(tmpdir(), "nspod-controller-"));
  readonly store: Store = Store.open(join(this.#folder, "nspod.db"));
  #parts: readonly (Disposable & { start(): void })[] = [];

  /** Begins with what the store holds, as a new daemon does. */
  start(): this {
    ensureFirstObjects(this.store, 0);
    const cache = new ObjectCache(this.store, cachedKinds);
    const context = { store: this.store, cache, clock: systemClock, log: createLogger("silent") };
    const namespaces = new ControllerLoop(new NamespaceLifecycle(context), context);
    this.#parts = [cache, new GarbageCollector(context), namespaces];
    for (const part of this.#parts) part.start();
    return this;
  }

  stop(): void {
    for (const part of this.#parts) part[Symbol.dispose]();
    this.store.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  create(
    kind: string,
    name: string,
    more: Partial<KubernetesObject["metadata"]> = {},
  ): KubernetesObject {
    return this.store.create({
      apiVersion: "v1",
      kind,
      metadata: { name, namespace: "default", uid: `uid-${name}`, ...more },
    });
  }

  /** Whether an object is there, after everything that waits has been done. */
  async has(kind: string, name: string, namespace = "default"): Promise<boolean> {
    await this.settled();
    return this.store.get(kind, namespace, name) !== undefined;
  }

  /** Resolves when nothing has changed for a turn of every queue. */
  async settled(): Promise<void> {
    for (let quiet = 0; quiet < 3; ) {
      const before = this.store.resourceVersion;
      await new Promise((resolve) => setImmediate(resolve));
      quiet = this.store.resourceVersion === before ? quiet + 1 : 0;
    }
  }
}

export function ownedBy(...owners: readonly KubernetesObject[]): readonly OwnerReference[] {
  return owners.map(({ apiVersion, kind, metadata: { name, uid } }) => ({
    apiVersion,
    kind,
    name,
    uid,
    blockOwnerDeletion: true,
  }));
}
