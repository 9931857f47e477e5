// Which objects a controller is asked to look at, and when: by what changed.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { createLogger } from "../../../src/base/log.ts";
import type { Controller } from "../../../src/controller/controller.ts";
import { ControllerLoop } from "../../../src/controller/controller-loop.ts";
import { ObjectCache } from "../../../src/controller/object-cache.ts";
import { controllerReference, type Owner } from "../../../src/controller/ownership.ts";
import type { KubernetesObject } from "../../../src/spec/resources.ts";
import { Store } from "../../../src/store/store.ts";
import { FakeClock, settled } from "../../support/fake-clock.ts";

const test = suite("ControllerLoop");
let folder: string;
let store: Store;
let cache: ObjectCache;
let parts: Disposable[];
/** `a`, or `gone a`: what the controller was asked for. */
let asked: string[];

function owner(name: string): Owner {
  return {
    apiVersion: "v1",
    kind: "Owner",
    metadata: { name, namespace: "default", uid: `uid-${name}` },
    spec: { selector: { matchLabels: { app: name } } },
  };
}

function part(name: string, of: readonly KubernetesObject[], app?: string): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Part",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-${name}`,
      ...(app !== undefined && { labels: { app } }),
      ...(of.length > 0 && { ownerReferences: of.map(controllerReference) }),
    },
  };
}

function start(more: Partial<Controller<Owner>> = {}): void {
  cache = new ObjectCache(store, ["Owner", "Part"]);
  const context = { cache, clock: new FakeClock(), log: createLogger("silent") };
  const controller: Controller<Owner> = {
    kind: "Owner",
    dependents: ["Part"],
    selector: ({ spec }) => spec.selector,
    reconcile: ({ metadata }) => void asked.push(metadata.name) as undefined,
    gone: (_, name) => void asked.push(`gone ${name}`),
    ...more,
  };
  const loop = new ControllerLoop(controller, context);
  parts = [loop, cache];
  cache.start();
  loop.start();
}

/** What was asked for since the last time, sorted. */
async function news(): Promise<readonly string[]> {
  await settled();
  return asked.splice(0).sort();
}

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-loop-"));
  store = Store.open(join(folder, "nspod.db"));
  asked = [];
  for (const name of ["a", "b"]) store.create(owner(name));
});

test.after.each(() => {
  for (const each of parts) each[Symbol.dispose]();
  store.close();
  rmSync(folder, { recursive: true });
});

test("begins with every object, and the owners of what is there though they are gone", async () => {
  store.create(part("left", [owner("lost")]));
  start();
  assert.equal(await news(), ["a", "b", "gone lost"]);
  assert.equal(await news(), []);
});

test("looks at an object that changes, and at the owner of a dependent that does", async () => {
  start();
  await news();
  store.mutate<Owner>("Owner", "default", "a", (now) => ({ ...now, spec: { selector: {} } }));
  assert.equal(await news(), ["a"]);
  store.create(part("one", [owner("b")]));
  assert.equal(await news(), ["b"]);
  store.delete("Part", "default", "one");
  assert.equal(await news(), ["b"]);
  store.delete("Owner", "default", "b");
  assert.equal(await news(), ["gone b"]);
});

test("a dependent that nobody controls concerns who would adopt it; one that changes hands both", async () => {
  start();
  await news();
  store.create(part("free", [], "a"));
  assert.equal(await news(), ["a"]);
  store.mutate("Part", "default", "free", () => part("free", [], "b"));
  assert.equal(await news(), ["a", "b"]);
  store.mutate("Part", "default", "free", () => part("free", [owner("a")], "b"));
  assert.equal(await news(), ["a", "b"]);
  store.mutate("Part", "default", "free", () => part("free", [owner("a")]));
  assert.equal(await news(), ["a"]);
});

test("changes of other kinds concern whom the controller names", async () => {
  const kinds: string[] = [];
  start({
    concerns: ({ object }) => {
      kinds.push(object.kind);
      return object.kind === "Weather" ? cache.all<Owner>("Owner") : [];
    },
  });
  await news();
  const metadata = { name: "rain", namespace: "", uid: "w" };
  store.create({ apiVersion: "v1", kind: "Weather", metadata });
  assert.equal(await news(), ["a", "b"]);
  store.create(part("one", []));
  assert.equal(await news(), []);
  assert.equal(kinds, ["Weather", "Part"]);
});

test("ObjectCache: what an object controls, as of the last write", () => {
  start();
  const [a, b] = [owner("a"), owner("b")];
  const names = (of: Owner): readonly string[] =>
    cache.owned("Part", of.metadata).map(({ metadata }) => metadata.name);
  store.create(part("one", [a]));
  store.create(part("two", [a]));
  assert.equal(names(a), ["one", "two"]);
  store.mutate("Part", "default", "one", () => part("one", [b]));
  assert.equal(names(a), ["two"]);
  assert.equal(names(b), ["one"]);
  store.mutate("Part", "default", "one", () => part("one", []));
  store.delete("Part", "default", "two");
  assert.equal([...names(a), ...names(b)], []);
  assert.is(cache.list("Part", "default").length, 1);
  assert.is(cache.get("Part", "default", "two"), undefined);
});

test.run();
