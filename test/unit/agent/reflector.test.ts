// The mirror of a server that the tests play: what is listed, what is watched, what fails.
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ObjectMirror } from "../../../src/agent/object-mirror.ts";
import { Reflector } from "../../../src/agent/reflector.ts";
import { PodError } from "../../../src/base/errors.ts";
import { createLogger } from "../../../src/base/log.ts";
import { resourceOfKind } from "../../../src/spec/resources.ts";
import type { StoredObject } from "../../../src/store/watch-event.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";

type Event = { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: StoredObject };

/** As a server sends it: items of lists do not say their kind. */
function item(name: string, version: number): StoredObject {
  const metadata = { name, namespace: "default", uid: name, resourceVersion: String(version) };
  return { metadata } as StoredObject;
}

class Server {
  readonly asked: string[] = [];
  items: readonly StoredObject[] = [];
  failure: PodError | undefined;
  #wake: PromiseWithResolvers<Event | PodError> = Promise.withResolvers();

  /** Sends an event, or breaks the watch. */
  async send(event: Event | PodError): Promise<void> {
    this.#wake.resolve(event);
    await settled();
  }

  json<T>(_: string, path: string, options: { readonly query?: object } = {}): Promise<T> {
    this.asked.push(`list ${path} ${JSON.stringify(options.query)}`);
    if (this.failure !== undefined) return Promise.reject(this.failure);
    const list = { metadata: { resourceVersion: "10" }, items: this.items };
    return Promise.resolve(list as T);
  }

  async *watch<T>(_: string, query: Readonly<Record<string, unknown>>, signal: AbortSignal) {
    this.asked.push(`watch ${query["resourceVersion"]}`);
    const { promise: gone, resolve } = Promise.withResolvers<undefined>();
    signal.addEventListener("abort", () => resolve(undefined));
    for (;;) {
      this.#wake = Promise.withResolvers();
      const next = await Promise.race([this.#wake.promise, gone]);
      if (next === undefined) return;
      if (next instanceof PodError) throw next;
      yield next as { type: Event["type"]; object: T };
    }
  }
}

class World implements Disposable {
  readonly server = new Server();
  readonly mirror = new ObjectMirror();
  readonly clock = new FakeClock();
  readonly told: string[] = [];
  reflector: Reflector | undefined;

  async start(fieldSelector?: string): Promise<Reflector> {
    this.mirror.follow(({ type, object }) => {
      this.told.push(`${type} ${object.kind} ${object.metadata.name}`);
    });
    const resource = resourceOfKind("ConfigMap");
    if (resource === undefined) throw new Error("there is no such kind");
    this.reflector = new Reflector({
      client: this.server,
      mirror: this.mirror,
      clock: this.clock,
      log: createLogger("silent"),
      resource,
      namespace: "default",
      ...(fieldSelector !== undefined && { fieldSelector }),
    });
    await settled();
    return this.reflector;
  }

  names(): readonly string[] {
    return this.mirror.list<StoredObject>("ConfigMap").items.map(({ metadata }) => metadata.name);
  }

  [Symbol.dispose](): void {
    this.reflector?.[Symbol.dispose]();
  }
}

const reflector = suite("Reflector");

reflector("lists, and watches from the version of the list", async () => {
  using world = new World();
  world.server.items = [item("a", 3)];
  const started = await world.start("metadata.name=a");
  await started.synced;
  await started.ready();
  assert.equal(world.server.asked, [
    'list /api/v1/namespaces/default/configmaps {"limit":500,"fieldSelector":"metadata.name=a"}',
    "watch 10",
  ]);
  assert.is(world.mirror.get<StoredObject>("ConfigMap", "default", "a")?.apiVersion, "v1");
  await world.server.send({ type: "ADDED", object: item("b", 11) });
  await world.server.send({ type: "DELETED", object: item("a", 12) });
  assert.equal(world.names(), ["b"]);
  assert.equal(world.told, ["ADDED ConfigMap a", "ADDED ConfigMap b", "DELETED ConfigMap a"]);
});

reflector("lists anew when the version is too old: what has gone meanwhile goes", async () => {
  using world = new World();
  world.server.items = [item("a", 3), item("b", 4)];
  await world.start();
  world.server.items = [item("b", 4)];
  const data = { reason: "Expired" };
  await world.server.send(new PodError("FailedPrecondition", "too old", { data }));
  await settled();
  assert.equal(world.names(), ["b"]);
  // What is the same is not told again.
  assert.is(world.told.at(-1), "DELETED ConfigMap a");
  assert.is(world.told.length, 3);
});

reflector("keeps what it knows while the server is away, and comes back by itself", async () => {
  using world = new World();
  world.server.items = [item("a", 3)];
  await world.start();
  world.server.failure = new PodError("Unavailable", "away");
  await world.server.send(world.server.failure);
  await world.clock.pass(5000);
  assert.equal(world.names(), ["a"]);
  world.server.failure = undefined;
  world.server.items = [item("a", 3), item("c", 20)];
  await world.clock.pass(60_000);
  assert.equal(world.names(), ["a", "c"]);
});

reflector("tells who waits for the first time that it failed", async () => {
  using world = new World();
  world.server.failure = new PodError("PermissionDenied", "no");
  const started = await world.start();
  const error = await started.ready().catch((reason: unknown) => reason);
  assert.instance(error, PodError);
  assert.is(await started.outcome, error);
});

reflector("has no outcome while the server is away", async () => {
  using world = new World();
  world.server.failure = new PodError("Unavailable", "away");
  const started = await world.start();
  const refusal = new PodError("NotFound", "no such resource");
  world.server.failure = refusal;
  await world.clock.pass(60_000);
  assert.is(await started.outcome, refusal);
});

reflector("takes what it knew with it", async () => {
  using world = new World();
  world.server.items = [item("a", 3)];
  const started = await world.start();
  started[Symbol.dispose]();
  assert.equal(world.names(), []);
});

reflector.run();
