import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { damagedStore } from "../../../src/store/damaged-objects.ts";
import { Store } from "../../../src/store/store.ts";
import type { StoredObject, WatchEvent } from "../../../src/store/watch-event.ts";

const objects = suite<{ path: string }>("takeOutDamaged()");

objects.before.each((context) => {
  context.path = join(mkdtempSync(join(tmpdir(), "nspod-damaged-")), "nspod.db");
  using store = Store.open(context.path);
  for (const name of ["a", "b", "c"]) store.create(thing(name));
});
objects.after.each(({ path }) => rmSync(join(path, ".."), { recursive: true }));

function thing(name: string): StoredObject {
  return { apiVersion: "v1", kind: "Thing", metadata: { namespace: "ns", name, uid: name } };
}

function damage(path: string, sql: string): void {
  using database = new DatabaseSync(path);
  database.exec(sql);
}

function namesIn(store: Store): string[] {
  return store.list<StoredObject>("Thing").items.map(({ metadata }) => metadata.name);
}

const damages = [
  "UPDATE objects SET body = substr(body, 1, 20) WHERE name = 'b'",
  "UPDATE objects SET body = '' WHERE name = 'b'",
  "UPDATE objects SET body = '7' WHERE name = 'b'",
  "UPDATE objects SET body = (SELECT body FROM objects WHERE name = 'a') WHERE name = 'b'",
];

for (const sql of damages) {
  objects(`takes out one and leaves the others: ${sql}`, ({ path }) => {
    damage(path, sql);
    using store = Store.open(path);
    assert.equal(store.damaged, ["Thing ns/b"]);
    assert.equal(namesIn(store), ["a", "c"]);
    assert.is(store.resourceVersion, "5");
    assert.is(store.table<string>(damagedStore).list().length, 1);
    store.create(thing("b"));
    assert.equal(namesIn(store), ["a", "b", "c"]);
  });
}

objects("leaves nothing to do for the next time", ({ path }) => {
  damage(path, damages[0] ?? "");
  Store.open(path).close();
  using store = Store.open(path);
  assert.equal(store.damaged, []);
  assert.equal(namesIn(store), ["a", "c"]);
});

objects("tells who watches that it is gone", async ({ path }) => {
  damage(path, damages[0] ?? "");
  using store = Store.open(path);
  const told: WatchEvent<StoredObject>[] = [];
  for await (const event of store.watch<StoredObject>("Thing", {
    from: "4",
    signal: AbortSignal.timeout(10_000),
  })) {
    told.push(event);
    break;
  }
  assert.equal(
    told.map(({ type, object }) => [type, object.metadata.name]),
    [["DELETED", "b"]],
  );
});

objects("forgets changes that cannot be read, and counts on", ({ path }) => {
  damage(path, "UPDATE changes SET body = 'x' WHERE name <> 'a'");
  using store = Store.open(path);
  assert.equal(store.damaged, []);
  assert.equal(namesIn(store), ["a", "b", "c"]);
  assert.is(store.resourceVersion, "4");
  assert.is(store.create(thing("d")).metadata.resourceVersion, "5");
});

objects.run();
