// What a watch sees: everything, in order, once; and when it must begin anew.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isPodError } from "../../../src/base/errors.ts";
import { Store } from "../../../src/store/store.ts";
import type { StoredObject, WatchEvent } from "../../../src/store/watch-event.ts";
import { withDeadline } from "../../support/with-deadline.ts";

interface Thing extends StoredObject {
  readonly value?: number;
}

const fast = { durable: false };

function thing(name: string, value = 0, namespace = "n", kind = "Thing"): Thing {
  return { apiVersion: "v1", kind, metadata: { namespace, name, uid: name }, value };
}

/** The next `count` events as words. */
async function take(
  events: AsyncIterator<WatchEvent<Thing>>,
  count: number,
): Promise<readonly string[]> {
  const words: string[] = [];
  while (words.length < count) {
    const next = await events.next();
    if (next.done) break;
    const { type, object } = next.value;
    words.push(type === "BOOKMARK" ? type : `${type} ${object.metadata.name}=${object.value}`);
  }
  return words;
}

const watch = suite("Store.watch()");
let folder = "";
let store: Store;
let controller: AbortController;

watch.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-watch-"));
  store = Store.open(join(folder, "nspod.db"), { limits: { keptChanges: 100 } });
  controller = new AbortController();
});

watch.after.each(() => {
  controller.abort();
  store.close();
  rmSync(folder, { recursive: true, force: true });
});

function events(options: Record<string, unknown> = {}): AsyncIterator<WatchEvent<Thing>> {
  const all = { ...options, signal: controller.signal };
  return store.watch<Thing>("Thing", all)[Symbol.asyncIterator]();
}

watch(
  "begins with everything and goes on with every change",
  withDeadline(30_000, async () => {
    store.create(thing("a", 1), fast);
    const seen = events();
    assert.equal(await take(seen, 1), ["ADDED a=1"]);
    const waiting = take(seen, 3);
    store.create(thing("b", 2), fast);
    store.create(thing("other", 0, "n", "Other"), fast);
    store.mutate<Thing>("Thing", "n", "a", (now) => ({ ...now, value: 3 }), fast);
    store.delete("Thing", "n", "b", undefined, fast);
    assert.equal(await waiting, ["ADDED b=2", "MODIFIED a=3", "DELETED b=2"]);
  }),
);

watch(
  "goes on from a list without gap or repetition",
  withDeadline(30_000, async () => {
    store.create(thing("a", 1), fast);
    const { resourceVersion } = store.list("Thing");
    store.create(thing("b", 2), fast);
    assert.equal(await take(events({ from: resourceVersion }), 1), ["ADDED b=2"]);
  }),
);

watch(
  "filters by namespace",
  withDeadline(30_000, async () => {
    const seen = events({ namespace: "m" });
    const waiting = take(seen, 1);
    store.create(thing("a", 1), fast);
    store.create(thing("b", 2, "m"), fast);
    assert.equal(await waiting, ["ADDED b=2"]);
  }),
);

watch(
  "gives the previous state when asked",
  withDeadline(30_000, async () => {
    store.create(thing("a", 1), fast);
    const seen = events({ from: store.resourceVersion, previous: true });
    store.mutate<Thing>("Thing", "n", "a", (now) => ({ ...now, value: 2 }), fast);
    const next = await seen.next();
    assert.is(next.value?.previous?.value, 1);
    assert.is(next.value?.object.value, 2);
  }),
);

watch(
  "marks the end of the initial state and a long silence with bookmarks",
  withDeadline(30_000, async () => {
    store.create(thing("a", 1), fast);
    const seen = events({ bookmarks: true });
    assert.equal(await take(seen, 2), ["ADDED a=1", "BOOKMARK"]);
    const waiting = seen.next();
    for (let i = 0; i < 600; i++) {
      store.create(thing(`o${i}`, 0, "n", "Other"), fast);
      if (i % 50 === 0) await new Promise(setImmediate);
    }
    const { value } = await waiting;
    assert.is(value?.type, "BOOKMARK");
    assert.ok(Number(value?.object.metadata.resourceVersion) > 500);
  }),
);

watch(
  "ends when the signal aborts and when the store closes",
  withDeadline(30_000, async () => {
    const first = events().next();
    controller.abort();
    assert.is((await first).done, true);
    assert.is((await events().next()).done, true, "aborted before it began");
    controller = new AbortController();
    const second = events().next();
    store.close();
    assert.is((await second).done, true);
  }),
);

watch(
  "is Expired for a version that the log lost, and for a slow reader",
  withDeadline(30_000, async () => {
    store.create(thing("a", 1), fast);
    const { resourceVersion } = store.list("Thing");
    const slow = events();
    assert.equal(await take(slow, 1), ["ADDED a=1"]);
    for (let i = 0; i < 400; i++) store.create(thing(`b${i}`), fast);
    const isExpired = (error: unknown) =>
      isPodError(error, "FailedPrecondition") && error.data["reason"] === "Expired";
    for (const seen of [slow, events({ from: resourceVersion }), events({ from: "999999999" })]) {
      try {
        await seen.next();
        assert.unreachable();
      } catch (error) {
        assert.ok(isExpired(error), String(error));
      }
    }
  }),
);

watch(
  "refuses a version that is no number",
  withDeadline(30_000, async () => {
    for (const from of ["", "x", "-1", "1e3", "0x1"]) {
      try {
        await events({ from }).next();
        assert.unreachable();
      } catch (error) {
        assert.ok(isPodError(error, "InvalidArgument"), from);
      }
    }
  }),
);

watch(
  "replayed onto a Map gives the list, whatever the pauses of reader and writer",
  withDeadline(30_000, async () => {
    const step = fc.record({
      name: fc.constantFrom("x", "y", "z"),
      what: fc.constantFrom("set", "delete"),
      value: fc.nat(99),
      pause: fc.boolean(),
    });
    let run = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        using own = Store.open(join(folder, `property-${run++}.db`));
        const stop = new AbortController();
        const seen = new Map<string, number | undefined>();
        const reading = (async () => {
          for await (const event of own.watch<Thing>("Thing", { signal: stop.signal })) {
            const { name } = event.object.metadata;
            assert.is(seen.has(name), event.type !== "ADDED");
            if (event.type === "DELETED") seen.delete(name);
            else seen.set(name, event.object.value);
            if (name === "last") break;
            if ((event.object.value ?? 0) % 3 === 0) await new Promise(setImmediate);
          }
        })();
        for (const { name, what, value, pause } of steps) {
          if (what === "delete") own.delete("Thing", "n", name, undefined, fast);
          else if (
            own.mutate<Thing>("Thing", "n", name, (now) => ({ ...now, value }), fast) === undefined
          )
            own.create(thing(name, value), fast);
          if (pause) await new Promise(setImmediate);
        }
        own.create(thing("last"), fast);
        await reading;
        const expected = own.list<Thing>("Thing").items.map((i) => [i.metadata.name, i.value]);
        assert.equal([...seen].sort(), expected.sort());
      }),
      { numRuns: 30 },
    );
  }),
);

watch(
  "is told the same from memory and from the log",
  withDeadline(30_000, async () => {
    store.create(thing("a", 0), fast);
    const from = store.resourceVersion;
    // More than are in memory.
    for (let value = 1; value <= 60; value++) {
      store.mutate<Thing>("Thing", "n", "a", (now) => ({ ...now, value }), fast);
      store.create(thing(`o${value}`, 0, "n", "Other"), fast);
    }
    const seen = events({ from: String(Number(from) + 25), previous: true });
    for (let value = 14; value <= 60; value++) {
      const { value: event } = await seen.next();
      assert.is(event?.object.value, value);
      assert.is(event?.previous?.value, value - 1);
    }
  }),
);

watch.run();
