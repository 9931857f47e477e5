// The end of folders on the node of an agent, against a server that the tests play.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { NodeVolumes } from "../../../src/agent/node-volumes.ts";
import { PodError } from "../../../src/base/errors.ts";
import { createLogger } from "../../../src/base/log.ts";
import type { PersistentVolume } from "../../../src/spec/kubernetes.gen.ts";
import { localPathVolume } from "../../../src/volume/local-path.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";
import { claimOf, classOf } from "../volume/claims.ts";

const node = { name: "n1", labels: {}, folder: "/root/volumes" };

function volume(finalizers: readonly string[], name = "pvc-uid-data"): PersistentVolume {
  const made = localPathVolume(claimOf("data"), classOf("fast"), node);
  const metadata = { ...made.metadata, name, uid: name, resourceVersion: "7", finalizers };
  return { ...made, metadata };
}

class World implements Disposable {
  readonly clock = new FakeClock();
  /** What was done, in order. */
  readonly done: string[] = [];
  items: readonly PersistentVolume[] = [];
  /** Of the next request, by method. */
  readonly failures = new Map<string, PodError>();
  readonly volumes = new NodeVolumes({
    client: {
      json: (method, path, { query, body } = {}) => {
        this.done.push(`${method} ${path} ${JSON.stringify(query ?? body)}`);
        const failure = this.failures.get(method);
        this.failures.delete(method);
        if (failure !== undefined) return Promise.reject(failure);
        const list = { metadata: { resourceVersion: "10" }, items: this.items };
        return Promise.resolve(list as never);
      },
      async *watch(_path, _query, signal) {
        const { promise, resolve } = Promise.withResolvers<void>();
        signal.addEventListener("abort", () => resolve());
        await promise;
      },
    },
    clock: this.clock,
    log: createLogger("silent"),
    node,
    discard: (path) => this.done.push(`discard ${path}`),
  });

  async start(...items: readonly PersistentVolume[]): Promise<readonly string[]> {
    this.items = items;
    this.volumes.start();
    await settled();
    return this.done.splice(0).slice(1);
  }

  [Symbol.dispose](): void {
    this.volumes[Symbol.dispose]();
  }
}

const folder = "nspod/volume-folder";
const patched = (left: readonly string[]): string =>
  `PATCH /api/v1/persistentvolumes/pvc-uid-data ${JSON.stringify({
    metadata: { uid: "pvc-uid-data", resourceVersion: "7", finalizers: left },
  })}`;

const ends = suite("NodeVolumes");

ends("follows the volumes of its node", async () => {
  using world = new World();
  world.volumes.start();
  await settled();
  assert.equal(world.done, [
    'GET /api/v1/persistentvolumes {"limit":500,"labelSelector":"kubernetes.io/hostname=n1"}',
  ]);
});

ends("takes a folder away, and then says so", async () => {
  using world = new World();
  assert.equal(await world.start(volume(["other/one", folder])), [
    "discard /root/volumes/pvc-uid-data",
    patched(["other/one"]),
  ]);
});

ends("leaves folders alone that nobody wants to end", async () => {
  using world = new World();
  assert.equal(await world.start(volume(["kubernetes.io/pv-protection"])), []);
});

ends("gives back a volume without touching what is not its own folder", async () => {
  using world = new World();
  const { spec, ...rest } = volume([folder]);
  const foreign = { ...rest, spec: { ...spec, local: { path: "/etc" } } };
  assert.equal(await world.start(foreign), [patched([])]);
});

ends("tries again when the server does not answer", async () => {
  using world = new World();
  world.failures.set("PATCH", new PodError("Unavailable", "away"));
  const done = ["discard /root/volumes/pvc-uid-data", patched([])];
  assert.equal(await world.start(volume([folder])), done);
  await world.clock.pass(5000);
  assert.equal(world.done.splice(0), done);
  // It has answered.
  await world.clock.pass(60_000);
  assert.equal(world.done, []);
});

ends("does not insist on a volume that has changed or gone", async () => {
  for (const kind of ["Conflict", "NotFound"] as const) {
    using world = new World();
    world.failures.set("PATCH", new PodError(kind, "no"));
    await world.start(volume([folder]));
    await world.clock.pass(60_000);
    assert.equal(world.done, []);
  }
});

ends("follows nothing where it may not", async () => {
  using world = new World();
  world.failures.set("GET", new PodError("PermissionDenied", "no"));
  world.volumes.start();
  await settled();
  assert.is(world.done.length, 1);
  await world.clock.pass(120_000);
  assert.is(world.done.length, 1);
});

ends.run();
