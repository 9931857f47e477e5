// The store against a Map model, its conflicts, its limits, and what is left after kill -9.
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Clock } from "../../../src/base/clock.ts";
import { isPodError } from "../../../src/base/errors.ts";
import { armFailpoints } from "../../../src/base/failpoint.ts";
import { Store } from "../../../src/store/store.ts";
import type { StoredObject } from "../../../src/store/watch-event.ts";
import { withDeadline } from "../../support/with-deadline.ts";

interface Thing extends StoredObject {
  readonly value?: number;
}

function thing(namespace: string, name: string, value = 0, kind = "Thing"): Thing {
  return {
    apiVersion: "v1",
    kind,
    metadata: { namespace, name, uid: `${namespace}-${name}` },
    value,
  };
}

function clockAt(start: number): Clock & { time: number } {
  return {
    time: start,
    now() {
      return this.time;
    },
    monotonic() {
      return this.time;
    },
    after: () => () => undefined,
  };
}

const store = suite("Store");
let folder = "";
let path = "";

store.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), "nspod-store-"));
  path = join(folder, "nspod.db");
});

store.after.each(() => {
  rmSync(folder, { recursive: true, force: true });
});

store("creates, reads, lists and deletes", () => {
  using open = Store.open(path);
  const created = open.create(thing("a", "one", 1));
  assert.is(created.metadata.resourceVersion, open.resourceVersion);
  assert.equal(open.get("Thing", "a", "one"), created);
  open.create(thing("b", "two", 2));
  assert.is(open.list("Thing").items.length, 2);
  assert.equal(open.list<Thing>("Thing", "a").items, [created]);
  const last = open.delete<Thing>("Thing", "a", "one");
  assert.is(last?.metadata.resourceVersion, open.resourceVersion);
  assert.is(open.get("Thing", "a", "one"), undefined);
  assert.is(open.delete("Thing", "a", "one"), undefined);
});

store("listTexts() gives what list() gives, in parts of any size", () => {
  const part = fc.tuple(fc.constantFrom("", "a", "b", "c"), fc.constantFrom("x", "y", "z"));
  fc.assert(
    fc.property(fc.uniqueArray(part, { selector: String }), fc.nat({ max: 4 }), (names, limit) => {
      using opened = Store.open(join(mkdtempSync(join(folder, "texts-")), "nspod.db"));
      for (const [namespace, name] of names) opened.create(thing(namespace, name));
      opened.create(thing("a", "x", 0, "Other"));
      for (const namespace of [undefined, "", "a"]) {
        const found: Thing[] = [];
        const wanted = opened.list<Thing>("Thing", namespace).items;
        for (let left = Infinity; left > 0; ) {
          const after = found.at(-1)?.metadata;
          const { texts, remaining } = opened.listTexts("Thing", namespace, { after, limit });
          found.push(...texts.map((text) => JSON.parse(text) as Thing));
          assert.is(remaining, wanted.length - found.length);
          left = remaining;
        }
        assert.equal(found, wanted);
      }
    }),
    { numRuns: 30 },
  );
});

store("refuses a second object of the same name", () => {
  using open = Store.open(path);
  open.create(thing("a", "one"));
  const before = open.resourceVersion;
  assert.throws(
    () => open.create(thing("a", "one")),
    (error: unknown) =>
      isPodError(error, "AlreadyExists") && error.message === 'Thing "one" already exists',
  );
  assert.is(open.resourceVersion, before, "a refused write takes no revision");
});

store("refuses an update of an old version and of nothing", () => {
  using open = Store.open(path);
  const first = open.create(thing("a", "one", 1));
  const second = open.update({ ...first, value: 2 });
  assert.is.not(second.metadata.resourceVersion, first.metadata.resourceVersion);
  assert.throws(
    () => open.update({ ...first, value: 3 }),
    (e: unknown) => isPodError(e, "Conflict"),
  );
  assert.throws(
    () => open.update(thing("a", "two")),
    (e: unknown) => isPodError(e, "NotFound"),
  );
  assert.is(open.get<Thing>("Thing", "a", "one")?.value, 2);
});

store("follow() tells every change after its commit, and none of a write that failed", () => {
  using open = Store.open(path);
  const seen: string[] = [];
  const stop = open.follow(({ type, object }) => {
    assert.equal(open.get("Thing", "a", "one") === undefined, type === "DELETED");
    seen.push(`${type} ${object.metadata.resourceVersion}`);
  });
  const first = open.create(thing("a", "one", 1));
  assert.throws(() => open.create(thing("a", "one")));
  const second = open.update({ ...first, value: 2 });
  const last = open.delete<Thing>("Thing", "a", "one");
  stop();
  open.create(thing("a", "two"));
  assert.equal(seen, [
    `ADDED ${first.metadata.resourceVersion}`,
    `MODIFIED ${second.metadata.resourceVersion}`,
    `DELETED ${last?.metadata.resourceVersion}`,
  ]);
});

store("takes no revision for an update that changes nothing", () => {
  using open = Store.open(path);
  const first = open.create(thing("a", "one", 1));
  assert.equal(open.update({ ...first }), first);
  assert.equal(
    open.mutate<Thing>("Thing", "a", "one", (current) => ({ ...current, value: 1 })),
    first,
  );
  assert.is(open.resourceVersion, first.metadata.resourceVersion);
});

store("mutate() changes the current state, and leaves it when told so", () => {
  using open = Store.open(path);
  open.create(thing("a", "one", 1));
  const changed = open.mutate<Thing>(
    "Thing",
    "a",
    "one",
    (current) => ({ ...current, value: (current.value ?? 0) + 1 }),
    { durable: false },
  );
  assert.is(changed?.value, 2);
  assert.equal(
    open.mutate<Thing>("Thing", "a", "one", () => undefined),
    changed,
  );
  assert.is(
    open.mutate<Thing>("Thing", "a", "none", (current) => current),
    undefined,
  );
});

store("delete() leaves another incarnation alone", () => {
  using open = Store.open(path);
  open.create(thing("a", "one"));
  assert.is(open.delete("Thing", "a", "one", "other-uid"), undefined);
  assert.ok(open.delete("Thing", "a", "one", "a-one"));
});

store("keeps objects, revision and records over a reopen, in a file of mode 0600", () => {
  let version: string;
  {
    using open = Store.open(path);
    open.create(thing("a", "one", 7));
    open.table<number>("leases").put("10.0.0.2", 1);
    version = open.resourceVersion;
  }
  using open = Store.open(path);
  assert.is(open.get<Thing>("Thing", "a", "one")?.value, 7);
  assert.is(open.resourceVersion, version);
  assert.equal(open.table<number>("leases").list(), [{ key: "10.0.0.2", value: 1 }]);
  assert.is(statSync(path).mode & 0o777, 0o600);
});

store("tables are separate and sorted", () => {
  using open = Store.open(path);
  const a = open.table<{ n: number }>("a");
  const b = open.table<{ n: number }>("b");
  a.put("y", { n: 1 });
  a.put("x", { n: 2 });
  b.put("x", { n: 3 }, { durable: true });
  a.put("y", { n: 4 });
  assert.equal(a.list(), [
    { key: "x", value: { n: 2 } },
    { key: "y", value: { n: 4 } },
  ]);
  assert.is(a.delete("x"), true);
  assert.is(a.delete("x"), false);
  assert.equal(b.get("x"), { n: 3 });
  assert.is(a.get("x"), undefined);
});

store("says that it is closed", () => {
  const open = Store.open(path);
  const table = open.table<number>("t");
  open.close();
  open.close();
  for (const use of [
    () => open.get("Thing", "a", "one"),
    () => open.list("Thing"),
    () => open.create(thing("a", "one")),
    () => open.delete("Thing", "a", "one"),
    () => open.dropOldEvents(),
    () => table.get("x"),
    () => table.put("x", 1),
    () => table.list(),
  ]) {
    assert.throws(use, (error: unknown) => isPodError(error, "Unavailable"));
  }
});

store("drops events by age and by number, and says so to watches", async () => {
  const clock = clockAt(1_000_000);
  using open = Store.open(path, { clock, limits: { eventLifeMs: 1000, eventsPerNamespace: 3 } });
  open.create(thing("a", "old", 0, "Event"), { durable: false });
  open.create(thing("a", "pod", 0, "Pod"));
  clock.time += 2000;
  for (let i = 0; i < 5; i++) open.create(thing("a", `new-${i}`, i, "Event"), { durable: false });
  open.create(thing("b", "other", 0, "Event"), { durable: false });
  const from = open.resourceVersion;
  open.dropOldEvents();
  assert.equal(
    open.list<Thing>("Event").items.map(({ metadata }) => metadata.name),
    ["new-2", "new-3", "new-4", "other"],
  );
  assert.ok(open.get("Pod", "a", "pod"), "other kinds have no age");
  const gone: string[] = [];
  const { signal } = new AbortController();
  for await (const { type, object } of open.watch<Thing>("Event", { from, signal })) {
    gone.push(`${type} ${object.metadata.name}`);
    if (gone.length === 3) break;
  }
  assert.equal(gone.sort(), ["DELETED new-0", "DELETED new-1", "DELETED old"]);
});

store("keeps the number of events bounded while they are created", () => {
  using open = Store.open(path, { limits: { eventsPerNamespace: 10 } });
  for (let i = 0; i < 300; i++) open.create(thing("a", `e${i}`, i, "Event"), { durable: false });
  assert.ok(open.list("Event").items.length <= 10 + 64);
  assert.ok(open.get("Event", "a", "e299"));
});

store("refuses a damaged file with its name and a way out", () => {
  {
    using open = Store.open(path);
    for (let i = 0; i < 200; i++) open.create(thing("a", `t${i}`), { durable: false });
  }
  const size = statSync(path).size;
  writeFileSync(path, Buffer.alloc(size, "damaged "));
  assert.throws(
    () => Store.open(path),
    (error: unknown) =>
      isPodError(error, "FailedPrecondition") &&
      error.message.startsWith(`Cannot open store "${path}": the file is damaged`) &&
      error.message.includes("move"),
  );
});

store("refuses a file whose pages are damaged", () => {
  {
    using open = Store.open(path);
    for (let i = 0; i < 500; i++) open.create(thing("a", `t${i}`), { durable: false });
  }
  const size = statSync(path).size;
  assert.ok(size > 40_000);
  rmSync(`${path}-wal`, { force: true });
  const { openSync, writeSync, closeSync } = process.getBuiltinModule("node:fs");
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.alloc(16_384, 0xa5), 0, 16_384, 12_288);
  closeSync(fd);
  assert.throws(
    () => Store.open(path),
    (e: unknown) => isPodError(e, "FailedPrecondition"),
  );
});

store("refuses the file of another program and of a newer version", () => {
  const { DatabaseSync } = process.getBuiltinModule("node:sqlite");
  const foreign = new DatabaseSync(path);
  foreign.exec("CREATE TABLE notes (text)");
  foreign.close();
  assert.throws(() => Store.open(path), /another program/);
  rmSync(path);
  Store.open(path).close();
  const newer = new DatabaseSync(path);
  newer.exec("PRAGMA user_version = 99; PRAGMA journal_mode = DELETE");
  newer.close();
  const before = readFileSync(path);
  assert.throws(
    () => Store.open(path),
    /format is version 99, this nspod reads up to version \d+: /,
  );
  assert.equal(readFileSync(path), before, "it stays as it is");
});

store("a text file is no store", () => {
  appendFileSync(path, "hello\n".repeat(1000));
  assert.throws(() => Store.open(path), /is damaged/);
});

store("behaves like a Map under any sequence of writes and reopens", () => {
  const name = fc.constantFrom("x", "y", "z");
  const step = fc.oneof(
    fc.record({ do: fc.constant("create" as const), name, value: fc.nat(9) }),
    fc.record({ do: fc.constant("update" as const), name, value: fc.nat(9) }),
    fc.record({ do: fc.constant("stale" as const), name, value: fc.nat(9) }),
    fc.record({ do: fc.constant("mutate" as const), name, value: fc.nat(9) }),
    fc.record({ do: fc.constant("delete" as const), name, value: fc.constant(0) }),
    fc.record({ do: fc.constant("reopen" as const), name, value: fc.constant(0) }),
  );
  let run = 0;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const file = join(folder, `model-${run++}.db`);
      const model = new Map<string, number>();
      let open = Store.open(file);
      const fast = { durable: false };
      let revision = 0;
      for (const { do: what, name, value } of steps) {
        const known = open.get<Thing>("Thing", "n", name);
        assert.is(known?.value, model.get(name));
        if (what === "reopen") {
          open.close();
          open = Store.open(file);
        } else if (what === "create") {
          if (known) assert.throws(() => open.create(thing("n", name, value), fast));
          else {
            open.create(thing("n", name, value), fast);
            model.set(name, value);
          }
        } else if (what === "update" && known) {
          open.update({ ...known, value }, fast);
          model.set(name, value);
        } else if (what === "stale" && known) {
          const stale = { ...known, metadata: { ...known.metadata, resourceVersion: "0" }, value };
          assert.throws(() => open.update(stale, fast));
        } else if (what === "mutate") {
          open.mutate<Thing>("Thing", "n", name, (now) => ({ ...now, value }), fast);
          if (known) model.set(name, value);
        } else if (what === "delete") {
          assert.is(
            open.delete("Thing", "n", name, undefined, fast) !== undefined,
            model.delete(name),
          );
        }
        const now = Number(open.resourceVersion);
        assert.ok(now >= revision);
        revision = now;
      }
      const items = open.list<Thing>("Thing").items;
      open.close();
      assert.equal(
        items.map(({ metadata, value }) => [metadata.name, value]),
        [...model].sort(([a], [b]) => (a < b ? -1 : 1)),
      );
    }),
    { numRuns: 25 },
  );
});

store(
  "has every committed object after kill -9",
  withDeadline(30_000, async () => {
    const script = join(folder, "writer.ts");
    const module = join(import.meta.dirname, "../../../src/store/store.ts");
    writeFileSync(
      script,
      `import { Store } from ${JSON.stringify(module)};
       const store = Store.open(${JSON.stringify(path)});
       const table = store.table("t");
       for (let i = 0; ; i++) {
         store.create({ apiVersion: "v1", kind: "Thing", metadata: { namespace: "n", name: "t" + i, uid: "" } }, { durable: i % 10 === 0 });
         table.put("k" + i, i);
         process.stdout.write(i + "\\n");
       }`,
    );
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
    let last = -1;
    for await (const line of createInterface({ input: child.stdout })) {
      last = Number(line);
      if (last === 300) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    assert.is(child.signalCode, "SIGKILL");
    assert.ok(last >= 300);
    using open = Store.open(path);
    for (let i = 0; i <= last; i++) {
      assert.ok(open.get("Thing", "n", `t${i}`), `object ${i} of ${last} was committed`);
      assert.is(open.table<number>("t").get(`k${i}`), i);
    }
  }),
);

/** Makes the next `count` commits find the disk full. */
function fill(count: number): void {
  armFailpoints({ NSPOD_FAILPOINTS: `store/store.commit=error(ENOSPC):${count}` });
}

store("changes and deletes on a full disk out of its reserve, and adds nothing", () => {
  using opened = Store.open(path);
  const made = opened.create(thing("a", "x"));
  writeFileSync(`${path}-reserve`, Buffer.alloc(1 << 20));
  try {
    fill(2);
    const changed = opened.update({ ...made, value: 1 });
    assert.is(statSync(`${path}-reserve`).size, 1 << 19);
    fill(1);
    opened.table("records").put("key", 1);
    fill(1);
    assert.is(opened.delete("Thing", "a", "x")?.metadata.uid, changed.metadata.uid);
    assert.is(existsSync(`${path}-reserve`), false);
    fill(1);
    const whole = `Cannot write to store "${path}": no space is left on the disk`;
    assert.throws(
      () => opened.create(thing("a", "y")),
      (error: unknown) => {
        return isPodError(error, "ResourceExhausted") && error.message === whole;
      },
    );
    fill(1);
    assert.throws(() => opened.table("records").put("key", 2), /no space is left/);
  } finally {
    armFailpoints({});
  }
  assert.is(opened.table("records").get("key"), 1);
  opened.create(thing("a", "y"));
});

store("takes nothing of its reserve for what is new", () => {
  using opened = Store.open(path);
  writeFileSync(`${path}-reserve`, Buffer.alloc(1 << 20));
  fill(1);
  try {
    assert.throws(() => opened.create(thing("a", "x")), /no space is left/);
  } finally {
    armFailpoints({});
  }
  assert.is(statSync(`${path}-reserve`).size, 1 << 20);
});

store("together() stores all writes or none, and forgets what it read on the way", () => {
  using opened = Store.open(path);
  opened.create(thing("a", "x", 1));
  const before = opened.resourceVersion;
  const heard: string[] = [];
  opened.follow(({ type, object }) => heard.push(`${type} ${object.metadata.name}`));
  const change = (): void => {
    opened.mutate<Thing>("Thing", "a", "x", (now) => ({ ...now, value: 2 }));
    opened.create(thing("a", "y"));
    assert.is(opened.get<Thing>("Thing", "a", "x")?.value, 2);
    assert.ok(opened.get("Thing", "a", "y"));
  };
  assert.throws(
    () =>
      opened.together(() => {
        change();
        opened.create(thing("a", "y"));
      }),
    (error: unknown) => isPodError(error, "AlreadyExists"),
  );
  assert.is(opened.get<Thing>("Thing", "a", "x")?.value, 1);
  assert.is(opened.get("Thing", "a", "y"), undefined);
  assert.is(opened.resourceVersion, before);
  assert.equal(heard, []);
  opened.together(change);
  assert.is(opened.get<Thing>("Thing", "a", "x")?.value, 2);
  assert.is(opened.resourceVersion, String(Number(before) + 2));
  assert.equal(heard, ["MODIFIED x", "ADDED y"]);
});

store("a write that failed leaves what is in memory as it was", () => {
  using opened = Store.open(path);
  const made = opened.create(thing("a", "x", 1));
  fill(1);
  try {
    assert.throws(() => opened.update({ ...made, value: 2 }), /no space is left/);
  } finally {
    armFailpoints({});
  }
  assert.is(opened.get<Thing>("Thing", "a", "x")?.value, 1);
});

store.run();
